//! Keys that are gone, or that signatures need although nothing is signed any more.

use futures::TryStreamExt as _;
use registry_core::ReadinessFinding;
use registry_core::bulk::BulkMode;
use registry_core::signing::StoredKeySettings;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{KEYS, ids, name, publish, signing, verified};

async fn findings(registry: &TestRegistry) -> Vec<ReadinessFinding> {
    registry.registry().readiness().await.findings
}

async fn why(registry: &TestRegistry) -> String {
    let error = registry.registry().check_signer().await.unwrap_err();
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.pop().unwrap()
}

async fn sign(registry: &TestRegistry) -> Vec<String> {
    let signed = registry.registry().sign_packages(vec![name("pear")], BulkMode::Apply);
    signed.try_collect::<Vec<_>>().await.unwrap().remove(0).signed
}

/// A new key in its place would look like an attacker's to those who have seen the old one.
#[tokio::test]
async fn a_lost_key_is_missed_and_not_replaced() {
    let first = signing().await;
    publish(&first, "pear", "1.0.0").await;
    let lost = ids(&first).await;
    assert_eq!(findings(&first).await, []);
    first.remove(KEYS).await;
    // A process that knows nothing of it yet.
    let registry = TestRegistry::builder().signing().start_on(&first).await;
    let before = registry.stored().await;
    assert_eq!(findings(&registry).await, [ReadinessFinding::SigningUnavailable]);
    assert!(!ReadinessFinding::SigningUnavailable.is_fatal(), "packages can be read");
    insta::assert_snapshot!(why(&registry).await, @"the signing keys in the storage are lost, _signing/keys.json is gone: restore it from a backup, so that what they signed is verified, or give them up with `registry-server keys rotate`, and sign anew with `registry-server keys sign`");
    let refused = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await;
    assert_eq!(refused.status, 503);
    assert_eq!(registry.stored().await, before);

    // The operator gives it up.
    let _ = registry.registry().rotate_signing_key().await.unwrap();
    assert_eq!(findings(&registry).await, []);
    publish(&registry, "pear", "1.1.0").await;
    assert_eq!(verified(&registry, "pear").await["1.0.0"], format!("no key {}", lost[0]));
    assert_eq!(sign(&registry).await, ["1.0.0"]);
    let key = &ids(&registry).await[0];
    assert!(verified(&registry, "pear").await.values().all(|signed| signed == key));
    let packument = registry.anonymous().get("/pear").await.json();
    let dist = &packument["versions"]["1.0.0"]["dist"];
    assert_eq!(dist["sourceSignatures"][0]["keyid"], json!(lost[0]), "what was signed is kept");
    assert_eq!(sign(&registry).await, [""; 0]);
}

/// The second process finds no keys, and then the mark that there are some.
#[tokio::test]
async fn keys_that_another_process_makes_in_the_same_moment_are_not_lost() {
    let first = signing().await;
    let second = TestRegistry::builder().signing().start_on(&first).await;
    let gate = Gate::new();
    let is_mark = |path: &str| path == "_signing/began";
    second.store().fail_next_at(Operation::Get, is_mark, Fault::Hold(gate.clone()));
    let ana = second.ana();
    let late = tokio::spawn(async move { ana.publish(&PublishDocument::new("fig", "1.0.0")).await });
    gate.reached().await;
    publish(&first, "pear", "1.0.0").await;
    gate.open();
    assert_eq!(late.await.unwrap().status, 201);
    assert_eq!(ids(&first).await.len(), 1);
    assert_eq!(verified(&second, "fig").await["1.0.0"], ids(&first).await[0]);
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_told_before_the_next_publish() {
    fn sealed() -> StoredKeySettings {
        let mut settings = StoredKeySettings::default();
        settings.secret = Some("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".parse().unwrap());
        settings
    }
    let registry = TestRegistry::builder().signing_with(sealed).start().await;
    assert_eq!(findings(&registry).await, [], "there is no key yet");
    publish(&registry, "pear", "1.0.0").await;
    let other = TestRegistry::builder().signing().start_on(&registry).await;
    assert_eq!(findings(&other).await, [ReadinessFinding::SigningUnavailable]);
    assert!(why(&other).await.contains("is encrypted: give the secret"));
    assert_eq!(findings(&registry).await, []);
}

#[tokio::test]
async fn a_registry_that_signs_no_more_lists_the_keys_of_what_it_signed() {
    let signing = signing().await;
    publish(&signing, "pear", "1.0.0").await;
    let registry = TestRegistry::builder().start_on(&signing).await;
    publish(&registry, "pear", "1.1.0").await;
    let found = verified(&registry, "pear").await;
    assert_eq!((&found["1.0.0"], &*found["1.1.0"]), (&ids(&signing).await[0], "missing"));
}
