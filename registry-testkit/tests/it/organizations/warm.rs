use std::time::Duration;

use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

use super::{builder, with_acme};

/// Longer than any test takes, by the machine's clock.
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_warm_read_costs_the_same_store_calls_with_and_without_organizations() {
    let registry = with_acme(builder().token_cache(LONG)).await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = ana.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    let _ = ana.publish(&PublishDocument::new("@closed/lib", "1.0.0")).await.assert_status(201);
    let granted = json!({ "package": "@acme/web", "permissions": "read-only" });
    let _ = ana.put("/-/team/acme/platform/package", &granted).await.assert_status(200);
    let calls = async |client: &TestClient, path: &str| {
        let _ = client.get(path).await.assert_status(200);
        let before = registry.store().calls().len();
        let _ = client.get(path).await.assert_status(200);
        registry.store().calls().split_off(before)
    };
    let carol = registry.user("carol").await;
    let anonymous = calls(&registry.anonymous(), "/pear").await;
    assert_eq!(anonymous.len(), 1, "whether the packument changed: {anonymous:?}");
    assert_eq!(calls(&carol, "/pear").await, anonymous);
    // By a group of an organization, by a grant, and of a private package.
    assert_eq!(calls(&carol, "/@acme%2fweb").await.len(), 1);
    let restricted = json!({ "access": "restricted" });
    let _ = ana.post("/-/package/pear/access", &restricted).await.assert_status(200);
    assert_eq!(calls(&ana, "/pear").await, anonymous);
    assert_eq!(calls(&ana, "/pear/-/pear-1.0.0.tgz").await.len(), 2, "the packument, and the bytes");
}

#[tokio::test]
async fn a_change_is_seen_here_at_once_and_elsewhere_when_tokens_are_asked_for_again() {
    let registry = with_acme(builder().token_cache(LONG)).await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    let slow = registry.replica().await;
    let quick = builder().start_on(&registry).await;
    let dora = registry.user("dora").await;
    let token = dora.token().unwrap().to_owned();
    let elsewhere = [&slow, &quick].map(|replica| replica.anonymous().with_token(&token));
    let path = "/@acme%2fweb";
    for client in [&dora, &elsewhere[0], &elsewhere[1]] {
        let _ = client.get(path).await.assert_status(404);
    }
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
    let _ = dora.get(path).await.assert_status(200);
    let _ = elsewhere[0].get(path).await.assert_status(404);
    let _ = elsewhere[1].get(path).await.assert_status(200);
}
