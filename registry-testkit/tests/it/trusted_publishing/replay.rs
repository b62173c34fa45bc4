use std::time::Duration;

use futures::future::join_all;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{Ground, exchange, trust};

#[tokio::test]
async fn a_token_is_exchanged_once_at_all_replicas_together() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let replica = ground.registry.replica().await;
    let token = ground.issuer.sign(&ground.build());
    let tried = join_all((0..8).map(|at| {
        let registry = if at % 2 == 0 { &ground.registry } else { &replica };
        exchange(registry, "@acme/pear", &token)
    }));
    let statuses: Vec<_> = tried.await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 7, "{statuses:?}");
    let refused = exchange(&replica, "@acme/pear", &token).await.assert_status(401);
    assert!(refused.error().contains("already exchanged"), "{}", refused.error());
}

#[tokio::test]
async fn one_without_an_id_is_exchanged_once_too() {
    let ground = Ground::new().await;
    ground.trusting().await;
    // Signed twice: of one ECDSA signature there are many.
    let claims = ground.build_with("jti", json!(null));
    let _ = exchange(&ground.registry, "@acme/pear", &ground.issuer.sign(&claims)).await.assert_status(201);
    let _ = exchange(&ground.registry, "@acme/pear", &ground.issuer.sign(&claims)).await.assert_status(401);
}

#[tokio::test]
async fn one_build_may_publish_several_packages() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let ana = ground.registry.ana();
    let _ = ana.publish(&PublishDocument::new("@acme/plum", "1.0.0")).await.assert_status(201);
    let _ = ana.post("/-/package/@acme%2fplum/trust", &trust()).await.assert_status(201);
    let token = ground.issuer.sign(&ground.build());
    for name in ["@acme/pear", "@acme/plum"] {
        let _ = exchange(&ground.registry, name, &token).await.assert_status(201);
    }
    let _ = exchange(&ground.registry, "@acme/plum", &token).await.assert_status(401);
}

#[tokio::test]
async fn a_refused_one_may_be_tried_again() {
    let ground = Ground::new().await;
    let token = ground.issuer.sign(&ground.build());
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
    ground.trusting().await;
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201);
}

#[tokio::test]
async fn what_expired_is_cleared_away() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let before = ground.registry.keys().await;
    let _ = ground.token().await;
    let after = ground.registry.keys().await;
    assert_eq!(after.len(), before.len() + 2, "a token, and that it was given: {after:?}");
    ground.registry.clock().advance(Duration::from_hours(5));
    let _ = ground.token().await;
    assert_eq!(ground.registry.keys().await.len(), before.len() + 2);
}
