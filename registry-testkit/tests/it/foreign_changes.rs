//! Changes of packages that are served here and hosted by an upstream: refused in words that name it. A 404 would be taken
//! for success.

use std::sync::Arc;

use http::Method;
use registry_core::access::{AccessRules, RuleSettings};
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::{Value, json};

async fn start(rules: Value) -> TestRegistry {
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    let upstream = ScriptedUpstream::default();
    upstream.publish("pear", "1.0.0", b"pear");
    upstream.publish("pear", "1.1.0", b"more pear");
    let registry = TestRegistry::builder().access(rules).upstream("npm", Arc::new(upstream)).start().await;
    registry.user("ben").await;
    registry
}

/// Each change that clients ask for.
async fn changes(client: &TestClient, packument: &Value) -> Vec<(&'static str, TestResponse)> {
    let revision = "1-00000000000000000000000000000000";
    let mut fewer = packument.clone();
    fewer["versions"].as_object_mut().unwrap().remove("1.1.0");
    let mut deprecated = packument.clone();
    deprecated["versions"]["1.0.0"]["deprecated"] = "old".into();
    let owners = json!({ "_id": "pear", "_rev": revision, "maintainers": [{ "name": "ben", "email": "" }] });
    let star = json!({ "_id": "pear", "_rev": revision, "users": { "ana": true } });
    let tag = "/-/package/pear/dist-tags/next";
    vec![
        ("unpublish a version", client.put(&format!("/pear/-rev/{revision}"), &fewer).await),
        ("unpublish without a revision", client.put("/pear/-rev/undefined", &fewer).await),
        ("unpublish all", client.delete(&format!("/pear/-rev/{revision}")).await),
        ("unpublish all without a revision", client.delete("/pear/-rev/undefined").await),
        ("remove a tarball", client.delete(&format!("/pear/-/pear-1.0.0.tgz/-rev/{revision}")).await),
        ("deprecate", client.put("/pear", &deprecated).await),
        ("owners as npm", client.put(&format!("/pear/-rev/{revision}"), &owners).await),
        ("add an owner", client.put("/-/package/pear/owners", &json!({ "user": "ben" })).await),
        (
            "add an owner that is none",
            client.put("/-/package/pear/owners", &json!({ "user": "nobody" })).await,
        ),
        ("remove an owner", client.delete("/-/package/pear/owners/ben").await),
        ("set a tag", client.put(tag, &json!("1.0.0")).await),
        ("remove a tag", client.delete(tag).await),
        ("star as npm", client.put("/pear", &star).await),
        ("star", client.put("/-/user/package/pear/star", &json!({})).await),
        ("unstar", client.delete("/-/user/package/pear/star").await),
        ("access", client.post("/-/package/pear/access", &json!({ "access": "restricted" })).await),
        ("publish", client.publish(&PublishDocument::new("pear", "2.0.0")).await),
        ("stage", client.stage(&PublishDocument::new("pear", "2.0.0")).await),
        ("publish a spelling", client.publish(&PublishDocument::new("Pear", "2.0.0")).await),
    ]
}

fn rules(read: &str, origin: &Value) -> Value {
    json!([{ "match": "**", "read": [read], "publish": ["user:ana"], "administer": ["user:ana"], "origin": origin }])
}

#[tokio::test]
async fn each_change_of_an_upstreams_package_is_refused_by_its_name() {
    for origin in [json!(["hosted", "npm"]), json!(["npm"])] {
        let registry = start(rules("@all", &origin)).await;
        let packument = registry.ana().get("/pear?write=true").await.assert_status(200).json();
        let before = registry.stored().await;
        for (change, answer) in changes(&registry.ana(), &packument).await {
            let error = answer.error();
            assert_eq!(answer.status, 403, "{origin} {change}: {error}");
            assert!(error.contains("npm"), "{origin} {change}: {error}");
        }
        let after = registry.stored().await;
        let is_ours = |key: &&String| !key.starts_with("_upstream/") && !key.starts_with("_log/");
        assert!(before.keys().filter(is_ours).eq(after.keys().filter(is_ours)), "{origin}");
    }
}

#[tokio::test]
async fn who_may_not_write_is_not_told_that_it_worked() {
    for origin in [json!(["hosted", "npm"]), json!(["npm"])] {
        let registry = start(rules("@all", &origin)).await;
        let ben = registry.user("ben").await;
        let packument = ben.get("/pear").await.assert_status(200).json();
        for (change, answer) in changes(&ben, &packument).await {
            assert_eq!(answer.status, 403, "{change}: {}", answer.error());
        }
    }
}

/// A caller who may not read the package learns nothing of it.
#[tokio::test]
async fn what_may_not_be_read_stays_invisible() {
    let registry = start(rules("user:ana", &json!(["hosted", "npm"]))).await;
    let packument = registry.ana().get("/pear").await.assert_status(200).json();
    let ben = registry.user("ben").await;
    for (change, answer) in changes(&ben, &packument).await {
        assert!(!answer.error().contains("upstream"), "{change}: {}", answer.error());
        assert!(answer.status != 403 || change.contains("spelling"), "{change}: {}", answer.error());
    }
    let answer = ben.ask(Method::DELETE, "/plum/-rev/1-00000000000000000000000000000000", "").await;
    let _ = answer.assert_status(404);
}

#[tokio::test]
async fn a_package_that_exists_nowhere_is_not_found() {
    let registry = start(rules("@all", &json!(["hosted", "npm"]))).await;
    let answer = registry.ana().delete("/plum/-rev/1-00000000000000000000000000000000").await;
    let _ = answer.assert_status(404);
}

#[tokio::test]
async fn a_team_gets_no_access_to_it() {
    let registry = start(rules("@all", &json!(["hosted", "npm"]))).await;
    let ana = registry.ana();
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "ben" })).await.assert_status(200);
    let _ = ana.put("/-/org/acme/team", &json!({ "name": "platform" })).await.assert_status(200);
    let grant = json!({ "package": "pear", "permissions": "read-only" });
    let error = ana.put("/-/team/acme/platform/package", &grant).await.assert_status(403).error();
    assert!(error.contains("npm"), "{error}");
}
