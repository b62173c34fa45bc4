use futures::future::join;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use serde_json::Value;

const KEYS: &str = "_signing/keys.json";

#[tokio::test]
async fn the_key_is_made_once_and_kept() {
    let registry = TestRegistry::new().await;
    assert!(registry.registry().find_signing_key().await.unwrap().is_none());
    assert!(!registry.keys().await.contains(&KEYS.to_owned()), "to look for it makes none");
    let made = registry.registry().signing_key().await.unwrap().public_key().id();
    let replica = registry.replica().await;
    assert_eq!(replica.registry().signing_key().await.unwrap().public_key().id(), made);
    let found = replica.registry().find_signing_key().await.unwrap().unwrap();
    assert_eq!(found.public_key().id(), made);

    let stored = registry.stored().await[KEYS].clone();
    let mut stored: Value = serde_json::from_slice(&stored).unwrap();
    let key = &mut stored["keys"][0];
    assert_eq!(key["keyid"], made.to_string());
    assert_eq!(key["key"], found.public_key().base64());
    assert!(key["private-key"]["pkcs8"].as_str().unwrap().len() > 150);
    for made_anew in ["keyid", "key"] {
        key[made_anew] = "…".into();
    }
    key["private-key"]["pkcs8"] = "…".into();
    insta::assert_snapshot!(format!("{stored:#}"), @r#"
    {
      "keys": [
        {
          "keyid": "…",
          "keytype": "ecdsa-sha2-nistp256",
          "scheme": "ecdsa-sha2-nistp256",
          "key": "…",
          "created": "2026-01-02T03:04:05Z",
          "expires": null,
          "private-key": {
            "pkcs8": "…"
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn two_that_make_it_at_once_have_the_same() {
    let registry = TestRegistry::new().await;
    let replica = registry.replica().await;
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, |path| path == KEYS, Fault::Hold(gate.clone()));
    let other = async {
        gate.reached().await;
        let key = replica.registry().signing_key().await.unwrap();
        gate.open();
        key.public_key().id()
    };
    let (key, other) = join(registry.registry().signing_key(), other).await;
    assert_eq!(key.unwrap().public_key().id(), other);
}

#[tokio::test]
async fn a_store_that_does_not_answer_makes_no_second_key() {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        let registry = TestRegistry::new().await;
        registry.store().fail_next_at(Operation::Put, |path| path == KEYS, fault);
        assert!(registry.registry().signing_key().await.is_err());
        let left = registry.stored().await.get(KEYS).cloned();
        let made = registry.registry().signing_key().await.unwrap().public_key().id();
        let again = registry.registry().signing_key().await.unwrap().public_key().id();
        assert_eq!(made, again);
        assert!(left.is_none_or(|left| String::from_utf8_lossy(&left).contains(&made.to_string())));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_not_replaced() {
    for damaged in ["", "{", r#"{"keys":[{}]}"#] {
        let registry = TestRegistry::new().await;
        registry.put(KEYS, damaged).await;
        assert!(registry.registry().signing_key().await.is_err(), "{damaged}");
        assert_eq!(registry.stored().await[KEYS], damaged);
    }
    let (registry, other) = (TestRegistry::new().await, TestRegistry::new().await);
    for registry in [&registry, &other] {
        let _ = registry.registry().signing_key().await.unwrap();
    }
    // The halves are of two keys.
    let read = async |registry: &TestRegistry| -> Value {
        serde_json::from_slice(&registry.stored().await[KEYS]).unwrap()
    };
    let mut mixed = read(&registry).await;
    mixed["keys"][0]["private-key"] = read(&other).await["keys"][0]["private-key"].clone();
    registry.put(KEYS, mixed.to_string()).await;
    assert!(registry.registry().signing_key().await.is_err());
}

#[tokio::test]
async fn an_expired_key_is_followed_by_another_and_kept() {
    let registry = TestRegistry::new().await;
    let first = registry.registry().signing_key().await.unwrap().public_key().id();
    let mut stored: Value = serde_json::from_slice(&registry.stored().await[KEYS]).unwrap();
    stored["keys"][0]["expires"] = "2026-01-02T03:04:04Z".into();
    registry.put(KEYS, stored.to_string()).await;
    let second = registry.registry().signing_key().await.unwrap().public_key().id();
    assert_ne!(first, second);
    let stored: Value = serde_json::from_slice(&registry.stored().await[KEYS]).unwrap();
    assert_eq!(stored["keys"][0]["keyid"], first.to_string());
    assert_eq!(stored["keys"][1]["keyid"], second.to_string());
}

#[tokio::test]
async fn no_route_serves_the_key() {
    let registry = TestRegistry::new().await;
    let _ = registry.registry().signing_key().await.unwrap();
    let stored: Value = serde_json::from_slice(&registry.stored().await[KEYS]).unwrap();
    let secret = stored["keys"][0]["private-key"]["pkcs8"].as_str().unwrap().to_owned();
    for path in [
        "/_signing/keys.json",
        "/_signing%2fkeys.json",
        "/%5fsigning/keys.json",
        "/_signing/-/keys.json",
        "/_signing",
        "/-/_signing/keys.json",
        "/pear/-/../../_signing/keys.json",
        "/pear/-/..%2f..%2f_signing%2fkeys.json",
        "/-/npm/v1/keys",
        "/-/all",
        "/-/v1/search?text=_signing",
    ] {
        for client in [registry.anonymous(), registry.ana()] {
            let answer = client.get(path).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!body.contains(&secret) && !body.contains("pkcs8"), "{path}: {body}");
            assert!(
                !path.contains("signing") || path.contains("search") || answer.status.is_client_error(),
                "{path}"
            );
        }
    }
}
