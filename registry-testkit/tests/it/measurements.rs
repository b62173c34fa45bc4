//! What a registry counts of itself, and what it finds wrong with itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use registry_core::access::{AccessRules, RuleSettings};
use registry_core::storage::{BlobPath, BlobStore as _, ObjectStoreBlobs, When};
use registry_core::{ReadinessFinding, Registry};
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::json;

/// Every count that is not 0, by a name for the test.
fn counts(registry: &Registry) -> BTreeMap<String, u64> {
    let measured = registry.measurements();
    let mut counts = BTreeMap::new();
    for operation in measured.storage {
        let name = operation.operation;
        counts.insert(name.to_owned(), operation.durations.count);
        counts.insert(format!("{name} unavailable"), operation.unavailable);
        counts.insert(format!("{name} refused"), operation.refused);
    }
    counts.insert("conflicts".to_owned(), measured.storage_conflicts);
    for cache in measured.caches {
        counts.insert(format!("{} hits", cache.cache), cache.hits);
        counts.insert(format!("{} misses", cache.cache), cache.misses);
    }
    for upstream in measured.upstreams {
        for (outcome, durations) in upstream.outcomes {
            counts.insert(format!("{} {outcome}", upstream.upstream), durations.count);
        }
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// How much each count grew.
fn growth(before: &BTreeMap<String, u64>, registry: &Registry) -> BTreeMap<String, u64> {
    let mut now = counts(registry);
    for (name, count) in &mut now {
        *count -= before.get(name).copied().unwrap_or_default();
    }
    now.retain(|_, count| *count > 0);
    now
}

#[tokio::test]
async fn warm_reads_are_hits_and_failures_are_told_apart() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let before = counts(registry.registry());
    for _ in 0..3 {
        let _ = registry.anonymous().get("/pear").await.assert_status(200);
    }
    insta::assert_json_snapshot!(growth(&before, registry.registry()), @r#"
    {
      "get": 1,
      "get_if_changed": 2,
      "packuments hits": 2,
      "packuments misses": 1
    }
    "#);

    let before = counts(registry.registry());
    for (fault, status) in [(Fault::BeforeEffect, 503), (Fault::Refused, 500)] {
        registry.store().fail_next(Operation::GetIfChanged, fault);
        let _ = registry.anonymous().get("/pear").await.assert_status(status);
    }
    insta::assert_json_snapshot!(growth(&before, registry.registry()), @r#"
    {
      "get_if_changed": 2,
      "get_if_changed refused": 1,
      "get_if_changed unavailable": 1
    }
    "#);
}

#[tokio::test]
async fn a_lost_race_is_a_conflict() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let before = counts(registry.registry());
    // Another replica changes the packument between the read and the write of this one.
    let replica = registry.replica().await;
    let publishes = ["2.0.0", "3.0.0", "4.0.0"].map(|version| {
        let (one, version) = (if version == "3.0.0" { replica.ana() } else { registry.ana() }, version);
        async move { one.publish(&PublishDocument::new("pear", version)).await.assert_status(201) }
    });
    futures::future::join_all(publishes).await;
    let store = registry.memory();
    let path = BlobPath::parse("pear/index.json").unwrap();
    let stale = store.get(&path).await.unwrap().unwrap().etag;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "5.0.0")).await.assert_status(201);
    let lost = registry.registry().store().put(&path, "{}".into(), When::Matches(stale)).await.unwrap();
    assert!(matches!(lost, registry_core::storage::PutOutcome::Conflict));
    assert!(growth(&before, registry.registry())["conflicts"] >= 1);
}

#[tokio::test]
async fn an_upstream_is_asked_once_and_the_cache_answers_after_that() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("fig", "1.0.0", b"figs");
    let rule = json!({ "match": "**", "read": ["@all"], "publish": [], "origin": ["hosted", "npm"] });
    let rules: Vec<RuleSettings> = serde_json::from_value(json!([rule])).unwrap();
    let access = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    let registry =
        TestRegistry::builder().access(access).upstream("npm", Arc::new(upstream.clone())).start().await;
    for _ in 0..2 {
        let _ = registry.anonymous().get("/fig").await.assert_status(200);
        let _ = registry.anonymous().get("/fig/-/fig-1.0.0.tgz").await.assert_status(200);
    }
    upstream.set_down(true);
    let _ = registry.anonymous().get("/grape").await.assert_status(503);
    let counts = counts(registry.registry());
    assert_eq!((counts["upstream_tarballs hits"], counts["upstream_tarballs misses"]), (1, 1));
    assert_eq!(counts["npm unavailable"], 1);
    assert!(counts["npm answered"] >= 2, "{counts:?}");
    assert!(
        counts["upstream_packuments hits"] >= 1 && counts["upstream_packuments misses"] >= 2,
        "{counts:?}"
    );
}

async fn findings(registry: &Registry) -> Vec<&'static str> {
    registry.readiness().await.findings.into_iter().map(ReadinessFinding::kind).collect()
}

#[tokio::test]
async fn each_state_of_the_storage_is_named() {
    let memory = ObjectStoreBlobs::in_memory();
    let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::NONE));
    let registry = Registry::builder(Arc::clone(&store) as _).open_to_everyone().build();
    registry.open().await.unwrap();
    assert!(findings(&registry).await.is_empty());

    store.fail_next(Operation::GetIfChanged, Fault::BeforeEffect);
    assert_eq!(findings(&registry).await, ["storage-unavailable"]);
    store.fail_next(Operation::GetIfChanged, Fault::Refused);
    assert_eq!(findings(&registry).await, ["storage-refuses"]);

    let path = BlobPath::parse("pear/index.json").unwrap();
    store.fail_next(Operation::Put, Fault::Refused);
    assert!(registry.store().put(&path, "{}".into(), When::Always).await.is_err());
    assert_eq!(findings(&registry).await, ["storage-refuses-writes"]);
    let _ = registry.store().put(&path, "{}".into(), When::Always).await.unwrap();
    assert!(findings(&registry).await.is_empty());

    let marker = BlobPath::parse("_registry.json").unwrap();
    let whole = memory.get(&marker).await.unwrap().unwrap().bytes;
    for (content, kind) in [
        (r#"{"format":1,"id":"00"}"#, "storage-marker-of-another"),
        (r#"{"format":2,"id":"00"}"#, "storage-marker-unreadable"),
        ("<html>Sign in</html>", "storage-marker-unreadable"),
    ] {
        let _ = memory.put(&marker, content.into(), When::Always).await.unwrap();
        let readiness = registry.readiness().await;
        assert_eq!(readiness.findings[0].kind(), kind);
        assert!(readiness.findings[0].is_fatal() && readiness.error.is_some());
    }
    memory.delete(&marker).await.unwrap();
    assert_eq!(findings(&registry).await, ["storage-marker-missing"]);
    let _ = memory.put(&marker, whole, When::Always).await.unwrap();
    assert!(findings(&registry).await.is_empty());
}
