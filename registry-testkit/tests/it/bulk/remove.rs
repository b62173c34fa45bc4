use std::time::Duration;

use chrono::TimeDelta;
use futures::TryStreamExt as _;
use registry_core::bulk::FolderSize;
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::storage::{BlobPrefix, BlobStore as _};
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::{MANY, calls_of, fail_at, outcome, records};

async fn registry() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("@acme/pear", "1.0.0")).await.assert_status(201);
    registry
}

/// Everything in the store, its marker included.
async fn keys(registry: &TestRegistry) -> Vec<String> {
    let listed: Vec<_> = registry.memory().list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    listed.into_iter().map(|blob| blob.path.to_string()).collect()
}

#[tokio::test]
async fn everything_is_deleted_and_the_marker_first() {
    let registry = registry().await;
    for number in 0..MANY {
        registry.put(&format!("pear-{number}/index.json"), "{}").await;
    }
    let _ = registry.store().take_calls();
    let there = keys(&registry).await.len();
    let deleted = records(registry.registry().remove_objects()).await;
    assert_eq!(deleted.len(), there);
    assert_eq!(calls_of(&registry, Operation::Delete)[0], "_registry.json");
    assert_eq!(keys(&registry).await, [""; 0]);
}

#[tokio::test]
async fn what_would_be_deleted_is_counted_by_folder() {
    let registry = registry().await;
    registry.put("pear/index.json", "12345").await;
    registry.put("pear/-/0a/pear-1.0.0.tgz", "123").await;
    let inventory = registry.registry().inventory().await.unwrap();
    let FolderSize { objects, bytes, .. } = inventory.folders["pear"];
    assert_eq!((objects, bytes), (2, 8));
    assert_eq!(inventory.folders["/"].objects, 1, "the marker");
    assert_eq!(inventory.folders["@acme"].objects, 2);
    assert_eq!(inventory.total().objects, keys(&registry).await.len() as u64);
}

#[tokio::test]
async fn a_storage_that_was_just_written_seems_used() {
    let inventory = registry().await.registry().inventory().await.unwrap();
    let now = SystemClock.now();
    assert!(inventory.seems_used(now));
    assert!(inventory.seems_used(now - TimeDelta::hours(1)), "the clock of the store is ahead");
    assert!(!inventory.seems_used(now + Duration::from_mins(11)));
}

#[tokio::test]
async fn a_running_server_answers_503_and_takes_no_package_for_absent() {
    let registry = registry().await;
    let server = registry.replica().await;
    // As every server does before its first request.
    server.registry().open().await.unwrap();
    let _ = server.anonymous().get("/@acme%2fpear").await.assert_status(200);
    let gate = Gate::new();
    let at = |path: &str| path.starts_with("_tokens");
    registry.store().fail_next_at(Operation::Delete, at, Fault::Hold(gate.clone()));
    let ask = async {
        gate.reached().await;
        while keys(&registry).await.iter().any(|key| key.starts_with("@acme")) {
            tokio::task::yield_now().await;
        }
        let _ = server.anonymous().get("/@acme%2fpear").await.assert_status(503);
        gate.open();
    };
    let _ = tokio::join!(records(registry.registry().remove_objects()), ask);
    let _ = server.anonymous().get("/@acme%2fpear").await.assert_status(503);
}

#[tokio::test]
async fn a_run_that_fails_at_any_deletion_is_finished_by_the_next() {
    let deletions = keys(&registry().await).await.len();
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        for number in 0..deletions {
            let registry = registry().await;
            fail_at(&registry, Operation::Delete, number, fault.clone());
            let (_, failures) = outcome(registry.registry().remove_objects()).await;
            assert!(failures[0].starts_with("cannot read or write "), "{failures:?}");
            if number == 0 && matches!(fault, Fault::BeforeEffect) {
                assert_eq!(keys(&registry).await.len(), deletions, "nothing goes before the marker");
            }
            let _ = records(registry.registry().remove_objects()).await;
            assert_eq!(keys(&registry).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn objects_that_a_server_writes_meanwhile_are_a_failure() {
    let registry = registry().await;
    let gate = Gate::new();
    let at = |path: &str| path.starts_with("@acme");
    registry.store().fail_next_at(Operation::Delete, at, Fault::Hold(gate.clone()));
    let write = async {
        gate.reached().await;
        registry.put("_log/2026/01/02/late.jsonl", "{}").await;
        gate.open();
    };
    let (outcome, ()) = tokio::join!(outcome(registry.registry().remove_objects()), write);
    let told =
        "objects were written meanwhile (1): stop every server on the storage, and run the command again";
    assert_eq!(outcome.1, [told]);
}
