//! What is staged of a package that was unpublished meanwhile.

use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::{Value, json};

use super::{approve, forget_events, listed, one, stage, with_pear};

/// `npm unpublish pear --force`.
async fn unpublish_all(client: &TestClient) {
    let revision = client.get("/pear").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = client.delete(&format!("/pear/-rev/{revision}")).await.assert_status(200);
}

/// `npm unpublish pear@VERSION`.
async fn unpublish(client: &TestClient, version: &str) {
    let mut packument: Value = client.get("/pear").await.json();
    packument["versions"].as_object_mut().unwrap().shift_remove(version);
    let revision = packument["_rev"].as_str().unwrap().to_owned();
    let _ = client.put(&format!("/pear/-rev/{revision}"), &packument).await.assert_status(200);
}

#[tokio::test]
async fn an_approval_brings_no_unpublished_package_back() {
    for one_by_one in [false, true] {
        let registry = with_pear().await;
        let ana = registry.ana();
        let id = stage(&ana, "pear", "1.1.0").await;
        if one_by_one {
            unpublish(&ana, "1.0.0").await;
        } else {
            unpublish_all(&ana).await;
        }
        forget_events(&registry).await;
        let before = registry.stored().await;
        for _ in 0..2 {
            let refused = ana.post(&approve(&id), &json!({})).await.assert_status(409);
            assert_eq!(
                refused.error(),
                format!(
                    "pear was unpublished after 1.1.0 was staged, so it cannot be approved: run `npm stage reject {id}`, \
                     then publish or stage 1.1.0 again if it is still wanted"
                )
            );
        }
        assert_eq!(registry.stored().await, before);
        registry.registry().flush_events().await;
        assert_eq!(registry.events().take(), []);
        let _ = registry.anonymous().get("/pear").await.assert_status(404);
        // It waits for a rejection, which frees its number.
        assert_eq!(listed(&ana).await, ["pear@1.1.0"]);
        let _ = ana.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(403);
        let _ = ana.delete(&one(&id)).await.assert_status(204);
        let _ = registry.anonymous().get("/pear").await.assert_status(404);
        let again = stage(&ana, "pear", "1.1.0").await;
        let _ = ana.post(&approve(&again), &json!({})).await.assert_status(201);
        let _ = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    }
}

/// What was staged before it went is of the package that went.
#[tokio::test]
async fn neither_does_one_into_the_package_that_came_after_it() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let before = stage(&ana, "pear", "1.1.0").await;
    unpublish_all(&ana).await;
    let after = stage(&ana, "pear", "1.2.0").await;
    let _ = ana.publish(&PublishDocument::new("pear", "2.0.0")).await.assert_status(201);
    let _ = ana.post(&approve(&before), &json!({})).await.assert_status(409);
    let _ = ana.post(&approve(&after), &json!({})).await.assert_status(201);
    let packument = registry.anonymous().get("/pear").await.assert_status(200).json();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["2.0.0", "1.2.0"]);
}

#[tokio::test]
async fn a_version_that_was_approved_and_unpublished_is_approved_no_more() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let id = stage(&ana, "pear", "1.1.0").await;
    let _ = ana.post(&approve(&id), &json!({})).await.assert_status(201);
    unpublish(&ana, "1.1.0").await;
    let before = registry.stored().await;
    let refused = ana.post(&approve(&id), &json!({})).await.assert_status(409);
    assert_eq!(
        refused.error(),
        "pear@1.1.0 was approved and then unpublished, so its number cannot be reused: publish the next \
         version"
    );
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn other_versions_that_go_leave_what_is_staged() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    let id = stage(&ana, "pear", "1.1.0").await;
    unpublish(&ana, "1.0.1").await;
    let _ = ana.post(&approve(&id), &json!({})).await.assert_status(201);
    let _ = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
}
