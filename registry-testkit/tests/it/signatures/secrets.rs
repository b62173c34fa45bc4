use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_core::signing::{SigningKey, StoredKeySettings};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::Value;

use super::{KEYS, ids, publish, signing, verified};

/// What `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes.
static KEY: LazyLock<String> = LazyLock::new(|| {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(made.as_ref()))
});
const SECRET: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_SECRET: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

fn sealed() -> StoredKeySettings {
    let mut settings = StoredKeySettings::default();
    settings.secret = Some(SECRET.parse().unwrap());
    settings
}

fn sealed_otherwise() -> StoredKeySettings {
    let mut settings = StoredKeySettings::default();
    settings.secret = Some(OTHER_SECRET.parse().unwrap());
    settings
}

fn given() -> StoredKeySettings {
    let mut settings = StoredKeySettings::default();
    settings.key = Some(SigningKey::from_pem(&KEY).unwrap());
    settings
}

async fn stored_key(registry: &TestRegistry, place: usize) -> Value {
    let stored: Value = serde_json::from_slice(&registry.stored().await[KEYS]).unwrap();
    stored["keys"][place].clone()
}

#[tokio::test]
async fn with_a_secret_the_stored_key_is_of_no_use_without_it() {
    let registry = TestRegistry::builder().signing_with(sealed).start().await;
    publish(&registry, "pear", "1.0.0").await;
    let key = stored_key(&registry, 0).await;
    let private: Vec<_> = key["private-key"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(private, ["sealed-pkcs8"]);
    for (settings, told) in [
        (StoredKeySettings::default as fn() -> StoredKeySettings, "is encrypted: give the secret"),
        (sealed_otherwise, "was encrypted with another secret"),
    ] {
        let other = TestRegistry::builder().signing_with(settings).start_on(&registry).await;
        let before = registry.stored().await;
        let answer = other.ana().publish(&PublishDocument::new("pear", "1.1.0")).await;
        assert_eq!(answer.status, 503);
        let error = other.registry().signing_key().await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(told), "{cause}");
        assert_eq!(registry.stored().await, before);
    }
    let again = TestRegistry::builder().signing_with(sealed).start_on(&registry).await;
    publish(&again, "pear", "1.1.0").await;
    let key = &ids(&again).await[0];
    assert!(verified(&again, "pear").await.values().all(|signed| signed == key));
}

/// A secret is for the keys that are made from then on.
#[tokio::test]
async fn a_key_that_was_stored_as_it_is_goes_on_signing_until_it_is_replaced() {
    let registry = signing().await;
    publish(&registry, "pear", "1.0.0").await;
    let secretive = TestRegistry::builder().signing_with(sealed).start_on(&registry).await;
    publish(&secretive, "pear", "1.1.0").await;
    let _ = secretive.registry().rotate_signing_key().await.unwrap();
    publish(&secretive, "pear", "1.2.0").await;
    let keys = ids(&registry).await;
    let signed: Vec<_> = verified(&registry, "pear").await.into_values().collect();
    assert_eq!(signed, [keys[0].clone(), keys[0].clone(), keys[1].clone()]);
    assert!(stored_key(&registry, 1).await["private-key"].get("sealed-pkcs8").is_some());
}

#[tokio::test]
async fn a_key_of_the_settings_signs_and_the_store_lists_its_public_half() {
    let registry = signing().await;
    publish(&registry, "pear", "1.0.0").await;
    let given = TestRegistry::builder().signing_with(given).start_on(&registry).await;
    publish(&given, "pear", "1.1.0").await;
    publish(&given, "pear", "1.2.0").await;
    let keys = ids(&given).await;
    assert_eq!(
        (keys.len(), &keys[1]),
        (2, &SigningKey::from_pem(&KEY).unwrap().public_key().id().to_string())
    );
    assert!(stored_key(&given, 1).await.get("private-key").is_none());
    let signed: Vec<_> = verified(&given, "pear").await.into_values().collect();
    assert_eq!(signed, [keys[0].clone(), keys[1].clone(), keys[1].clone()]);
    // Without it, the key in the store signs again.
    let without = signing_on(&given).await;
    publish(&without, "pear", "1.3.0").await;
    assert_eq!(verified(&without, "pear").await["1.3.0"], keys[0]);
    // A key that was replaced signs nothing more.
    let _ = without.registry().rotate_signing_key().await.unwrap();
    given.clock().advance(std::time::Duration::from_hours(1));
    let refused = given.ana().publish(&PublishDocument::new("pear", "1.4.0")).await;
    assert_eq!(refused.status, 503);
    let error = given.registry().signing_key().await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("was replaced by a newer one"));
}

async fn signing_on(registry: &TestRegistry) -> TestRegistry {
    TestRegistry::builder().signing().start_on(registry).await
}

#[test]
fn other_keys_are_refused() {
    for wrong in ["", "swordfish", "-----BEGIN PRIVATE KEY-----\nMEUC\n-----END PRIVATE KEY-----\n"] {
        assert!(SigningKey::from_pem(wrong).is_err(), "{wrong}");
    }
}
