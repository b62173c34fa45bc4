use std::time::Duration;

use super::{ids, publish, signing, verified};

#[tokio::test]
async fn after_a_rotation_both_keys_verify_what_they_signed() {
    let registry = signing().await;
    let replica = registry.replica().await;
    publish(&registry, "pear", "1.0.0").await;
    publish(&replica, "pear", "1.0.1").await;
    let made = registry.registry().rotate_signing_key().await.unwrap().public_key().id().to_string();
    let keys = ids(&registry).await;
    assert_eq!((keys.len(), &keys[1]), (2, &made));
    publish(&registry, "pear", "1.1.0").await;
    // Another process may not have seen it yet.
    publish(&replica, "pear", "1.1.1").await;
    let signed = |all: std::collections::BTreeMap<String, String>| all.into_values().collect::<Vec<_>>();
    let (old, new) = (&keys[0], &keys[1]);
    assert_eq!(signed(verified(&registry, "pear").await), [old, old, new, old].map(Clone::clone));
    registry.clock().advance(Duration::from_secs(61));
    publish(&replica, "pear", "1.2.0").await;
    assert_eq!(verified(&replica, "pear").await["1.2.0"], *new);
    registry.clock().advance(Duration::from_hours(24 * 365));
    publish(&replica, "pear", "1.3.0").await;
    assert_eq!(signed(verified(&registry, "pear").await), [old, old, new, old, new, new].map(Clone::clone));
}

#[tokio::test]
async fn a_rotation_before_the_first_signature_makes_the_first_key() {
    let registry = signing().await;
    let made = registry.registry().rotate_signing_key().await.unwrap().public_key().id().to_string();
    publish(&registry, "pear", "1.0.0").await;
    assert_eq!(ids(&registry).await, std::slice::from_ref(&made));
    assert_eq!(verified(&registry, "pear").await["1.0.0"], made);
}

/// An expiry that was set before does not move.
#[tokio::test]
async fn a_second_rotation_gives_an_old_key_no_more_time() {
    let registry = signing().await;
    publish(&registry, "pear", "1.0.0").await;
    let _ = registry.registry().rotate_signing_key().await.unwrap();
    let expires = async || registry.registry().list_signing_keys().await.unwrap()[0].expires.unwrap();
    let first = expires().await;
    registry.clock().advance(Duration::from_mins(5));
    let _ = registry.registry().rotate_signing_key().await.unwrap();
    assert_eq!(expires().await, first);
    let keys = registry.registry().list_signing_keys().await.unwrap();
    let valid: Vec<_> = keys.iter().map(|key| key.expires.is_none()).collect();
    assert_eq!(valid, [false, false, true]);
}
