use std::sync::Arc;
use std::time::Duration;

use registry_core::access::AccessRules;
use registry_core::domain::PackageName;
use registry_core::storage::{BlobStore as _, Key};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::{Value, json};

use super::{approve, listed, one, stage, stage_keys};

#[tokio::test]
async fn the_stager_of_the_first_version_owns_the_package() {
    let registry = TestRegistry::new().await;
    let ben = registry.user("ben").await;
    let id = stage(&registry.ana(), "plum", "1.0.0").await;
    assert_eq!(listed(&ben).await, Vec::<String>::new());
    let refused = [
        ben.get(&one(&id)).await,
        ben.get(&format!("/-/stage/{id}/tarball")).await,
        ben.post(&approve(&id), &json!({})).await,
        ben.delete(&one(&id)).await,
    ];
    for answer in refused {
        assert_eq!(
            answer.assert_status(404).error(),
            format!("there is no staged version {id}: `npm stage list` shows the ids")
        );
    }
    let _ = ben.publish(&PublishDocument::new("plum", "2.0.0")).await.assert_status(403);
    let _ = ben.stage(&PublishDocument::new("plum", "2.0.0")).await.assert_status(403);

    let _ = registry.ana().post(&approve(&id), &json!({})).await.assert_status(201);
    let packument = registry.anonymous().get("/plum").await.assert_status(200).json();
    assert_eq!(packument["maintainers"], json!([{ "name": "ana", "email": "ana@registry.example" }]));
    assert_eq!(packument["time"]["created"], packument["time"]["1.0.0"]);
    assert_eq!(packument["dist-tags"]["latest"], "1.0.0");
}

#[tokio::test]
async fn a_package_whose_only_version_was_rejected_is_free() {
    let registry = TestRegistry::new().await;
    let ben = registry.user("ben").await;
    let id = stage(&registry.ana(), "plum", "1.0.0").await;
    let _ = registry.ana().delete(&one(&id)).await.assert_status(204);
    let _ = ben.publish(&PublishDocument::new("plum", "1.0.0")).await.assert_status(201);
    let packument = registry.anonymous().get("/plum").await.assert_status(200).json();
    assert_eq!(packument["maintainers"][0]["name"], "ben");
}

/// In front of an upstream that has `left-pad`.
async fn in_front(rule: &Value) -> TestRegistry {
    in_front_of(&ScriptedUpstream::default(), rule).await
}

async fn in_front_of(upstream: &ScriptedUpstream, rule: &Value) -> TestRegistry {
    upstream.publish("left-pad", "1.0.0", b"the bytes of a tarball");
    let rules = vec![serde_json::from_value(rule.clone()).unwrap()];
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    TestRegistry::builder().access(rules).upstream("npm", Arc::new(upstream.clone())).start().await
}

#[tokio::test]
async fn a_name_of_the_upstream_is_staged_no_more_than_published() {
    let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] });
    let registry = in_front(&rule).await;
    let refused = registry.ana().stage(&PublishDocument::new("left-pad", "9.0.0")).await.assert_status(403);
    assert!(refused.error().contains("publish under another name"), "{}", refused.error());
    assert_eq!(stage_keys(&registry).await, Vec::<String>::new());
    let _ = registry.anonymous().get("/left-pad").await.assert_status(200);

    let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["npm"] });
    let registry = in_front(&rule).await;
    let refused = registry.ana().stage(&PublishDocument::new("plum", "1.0.0")).await.assert_status(403);
    assert!(refused.error().contains("are not published here"), "{}", refused.error());
}

#[tokio::test]
async fn a_package_of_both_is_the_upstreams_until_a_version_of_ours_is_approved() {
    let rule = json!({
        "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"], "shadow": true
    });
    let registry = in_front(&rule).await;
    let id = stage(&registry.ana(), "left-pad", "9.0.0").await;
    let latest = async || {
        let tags = registry.anonymous().get("/-/package/left-pad/dist-tags").await.assert_status(200).json();
        let packument = registry.anonymous().get("/left-pad").await.assert_status(200).json();
        assert_eq!(packument["dist-tags"], tags);
        tags["latest"].as_str().unwrap().to_owned()
    };
    assert_eq!(latest().await, "1.0.0");
    let _ = registry.anonymous().get("/left-pad/-/left-pad-9.0.0.tgz").await.assert_status(404);
    let _ = registry.anonymous().get("/left-pad/-/left-pad-1.0.0.tgz").await.assert_status(200);
    let _ = registry.ana().post(&approve(&id), &json!({})).await.assert_status(201);
    assert_eq!(latest().await, "9.0.0");
    let _ = registry.anonymous().get("/left-pad/-/left-pad-1.0.0.tgz").await.assert_status(404);
}

/// The name of a package is private from when its first version is staged, also to an upstream that was not asked before.
#[tokio::test]
async fn a_name_that_is_staged_goes_to_no_upstream() {
    let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] });
    let upstream = ScriptedUpstream::default();
    let registry = in_front_of(&upstream, &rule).await;
    let search = async || {
        let _ = registry.anonymous().get("/-/v1/search?text=quince").await.assert_status(200);
        upstream.take_asked().len()
    };
    // The first search makes the index; from then on writes keep it.
    let _ = registry.anonymous().get("/-/v1/search?text=anything").await.assert_status(200);
    assert_eq!(search().await, 2, "the guard can be seen to work");
    let id = stage(&registry.ana(), "quince", "1.0.0").await;
    assert_eq!(upstream.take_asked().len(), 1, "whether it has the package");
    for is_rejected in [false, true] {
        if is_rejected {
            let _ = registry.ana().delete(&one(&id)).await.assert_status(204);
        }
        assert_eq!(search().await, 0);
        let audited = json!({ "quince": ["1.0.0"] });
        let _ = registry
            .anonymous()
            .post("/-/npm/v1/security/advisories/bulk", &audited)
            .await
            .assert_status(200);
        let _ = registry.anonymous().get("/quince").await.assert_status(404);
        let _ = registry.anonymous().get("/quince/-/quince-1.0.0.tgz").await.assert_status(404);
        assert_eq!(upstream.take_asked(), Vec::<String>::new());
    }
}

/// The name was meant to be private, so no rejection gives it to an upstream; only the operator does.
#[tokio::test]
async fn a_name_of_rejected_versions_alone_is_freed_by_the_operator() {
    let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] });
    let upstream = ScriptedUpstream::default();
    let registry = in_front_of(&upstream, &rule).await;
    let id = stage(&registry.ana(), "quince", "1.0.0").await;
    let _ = registry.ana().delete(&one(&id)).await.assert_status(204);
    upstream.publish("quince", "1.0.0", b"the bytes of a tarball");
    let _ = registry.anonymous().get("/quince").await.assert_status(404);
    let name = PackageName::parse("quince").unwrap();
    for key in [Key::Spelling(&name), Key::Packument(&name)] {
        registry.store().delete(&key.path().unwrap()).await.unwrap();
    }
    registry.clock().advance(Duration::from_mins(1));
    let _ = registry.anonymous().get("/quince").await.assert_status(200);
    let _ = registry.ana().publish(&PublishDocument::new("quince", "2.0.0")).await.assert_status(403);
}
