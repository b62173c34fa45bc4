use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::TimeDelta;
use registry_core::bulk::{BulkMode, RewriteOutcome, RewrittenObject};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::storage::{BlobPath, BlobStore as _, When};
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::{MANY, calls_of, fail_at, outcome, records};

/// More than is read as a whole where it may be written as a stream.
const LARGE: usize = (16 << 20) + 1;
const TARBALL: &str = "plum/-/0a0b0c0d0a0b0c0d0a0b0c0d0a0b0c0d/plum-1.0.0.tgz";

async fn registry() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    registry
}

async fn rewrite(registry: &TestRegistry) -> Vec<RewrittenObject> {
    records(registry.registry().rewrite_objects(None, BulkMode::Apply)).await
}

/// Path → outcome, of all that were not simply rewritten.
fn exceptions(objects: &[RewrittenObject]) -> BTreeMap<&str, RewriteOutcome> {
    let others = objects.iter().filter(|object| object.outcome != RewriteOutcome::Rewritten);
    others.map(|object| (object.path.as_str(), object.outcome)).collect()
}

#[tokio::test]
async fn every_object_is_written_again_with_the_same_bytes_and_read_back() {
    let registry = registry().await;
    for number in 0..MANY {
        registry.put(&format!("_log/2026/01/02/{number}.jsonl"), format!("{number}")).await;
    }
    let before = registry.stored().await;
    let _ = registry.store().take_calls();
    let objects = rewrite(&registry).await;
    let calls = registry.store().take_calls();
    // The marker is not among those that are compared.
    assert_eq!(objects.len(), before.len() + 1);
    assert_eq!(exceptions(&objects), BTreeMap::new());
    for object in &objects {
        let of_object = calls.iter().filter(|(_, path)| *path == object.path.as_str());
        let of_object: Vec<_> = of_object.map(|(operation, _)| *operation).collect();
        assert_eq!(of_object, [Operation::Get, Operation::Put, Operation::Get], "{}", object.path);
    }
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn only_a_tarball_whose_path_names_its_content_is_written_as_a_stream() {
    let registry = TestRegistry::new().await;
    for path in [TARBALL, "plum/1.0.0.tgz"] {
        registry.put(path, vec![7; LARGE]).await;
    }
    let before = registry.stored().await;
    let _ = registry.store().take_calls();
    assert_eq!(exceptions(&rewrite(&registry).await), BTreeMap::new());
    let calls = registry.store().take_calls();
    let of = |path: &str| -> Vec<_> {
        calls.iter().filter(|(_, called)| called == path).map(|(operation, _)| *operation).collect()
    };
    assert_eq!(of(TARBALL), [Operation::Open, Operation::PutStream, Operation::Open]);
    assert_eq!(of("plum/1.0.0.tgz"), [Operation::Get, Operation::Put, Operation::Get]);
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let registry = registry().await;
    let _ = registry.store().take_calls();
    let objects = records(registry.registry().rewrite_objects(None, BulkMode::DryRun)).await;
    assert!(objects.iter().all(|object| object.outcome == RewriteOutcome::WouldRewrite));
    assert!(objects.iter().map(|object| object.bytes).sum::<u64>() > 100);
    assert_eq!(objects.len(), registry.stored().await.len() + 1);
    assert_eq!(calls_of(&registry, Operation::Put), [""; 0]);
}

#[tokio::test]
async fn objects_that_were_written_since_are_left_out() {
    let registry = registry().await;
    let since = SystemClock.now() - TimeDelta::hours(1);
    assert_eq!(records(registry.registry().rewrite_objects(Some(since), BulkMode::Apply)).await, []);
    let since = SystemClock.now() + TimeDelta::hours(1);
    let objects = records(registry.registry().rewrite_objects(Some(since), BulkMode::Apply)).await;
    assert_eq!(objects.len(), registry.stored().await.len() + 1);
}

#[tokio::test]
async fn an_object_that_changes_meanwhile_is_not_overwritten() {
    let registry = registry().await;
    let path = "pear/index.json";
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, move |at| at == path, Fault::Hold(gate.clone()));
    let change = async {
        gate.reached().await;
        registry.put(path, "changed").await;
        gate.open();
    };
    let (objects, ()) = tokio::join!(rewrite(&registry), change);
    assert_eq!(exceptions(&objects), BTreeMap::new(), "the new bytes are rewritten");
    assert_eq!(registry.stored().await[path], "changed");
}

#[tokio::test]
async fn an_object_that_changes_all_the_time_is_left_to_those_who_change_it() {
    let registry = registry().await;
    let path = "pear/index.json";
    let gates = [(); 3].map(|()| Gate::new());
    for gate in &gates {
        registry.store().fail_next_at(Operation::Put, move |at| at == path, Fault::Hold(gate.clone()));
    }
    let change = async {
        for (number, gate) in gates.iter().enumerate() {
            gate.reached().await;
            registry.put(path, format!("changed {number}")).await;
            gate.open();
        }
    };
    let (objects, ()) = tokio::join!(rewrite(&registry), change);
    assert_eq!(exceptions(&objects), BTreeMap::from([(path, RewriteOutcome::ChangedMeanwhile)]));
    assert_eq!(registry.stored().await[path], "changed 2");
}

#[tokio::test]
async fn an_object_that_is_deleted_meanwhile_does_not_come_back() {
    let registry = registry().await;
    let path = "pear/index.json";
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, move |at| at == path, Fault::Hold(gate.clone()));
    let delete = async {
        gate.reached().await;
        registry.remove(path).await;
        gate.open();
    };
    let (objects, ()) = tokio::join!(rewrite(&registry), delete);
    assert_eq!(exceptions(&objects), BTreeMap::from([(path, RewriteOutcome::Gone)]));
    assert!(!registry.stored().await.contains_key(path));
}

#[tokio::test]
async fn a_run_that_fails_at_any_write_is_finished_by_the_next() {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        let writes = rewrite(&registry().await).await.len();
        for number in 0..writes {
            let registry = registry().await;
            let before = registry.stored().await;
            fail_at(&registry, Operation::Put, number, fault.clone());
            let (objects, failures) =
                outcome(registry.registry().rewrite_objects(None, BulkMode::Apply)).await;
            assert_eq!((objects.len(), failures.len()), (writes - 1, 1));
            assert_eq!(rewrite(&registry).await.len(), writes);
            assert_eq!(registry.stored().await, before);
        }
    }
}

#[tokio::test]
async fn a_tarball_that_cannot_be_read_to_its_end_keeps_its_bytes() {
    let registry = TestRegistry::new().await;
    registry.put(TARBALL, vec![7; LARGE]).await;
    registry.store().fail_next(Operation::PutStream, Fault::BeforeEffect);
    let (_, failures) = outcome(registry.registry().rewrite_objects(None, BulkMode::Apply)).await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].starts_with(&format!("cannot read or write {TARBALL}: ")), "{}", failures[0]);
    assert_eq!(registry.stored().await[TARBALL], Bytes::from(vec![7; LARGE]));
}

#[tokio::test]
async fn other_bytes_than_were_written_are_a_failure() {
    let registry = registry().await;
    let path = BlobPath::parse(TARBALL).unwrap();
    registry.put(TARBALL, vec![7; LARGE]).await;
    let gate = Gate::new();
    // The second reading is that of the check.
    let readings = std::sync::atomic::AtomicUsize::new(0);
    let is_check =
        move |at: &str| at == TARBALL && readings.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1;
    registry.store().fail_next_at(Operation::Open, is_check, Fault::Hold(gate.clone()));
    let memory = registry.memory();
    let damage = async {
        gate.reached().await;
        let _ = memory.put(&path, vec![8; LARGE].into(), When::Always).await.unwrap();
        gate.open();
    };
    let (outcome, ()) =
        tokio::join!(outcome(registry.registry().rewrite_objects(None, BulkMode::Apply)), damage);
    let told = format!("{TARBALL} does not have the bytes that were written: restore it from a backup");
    assert_eq!(outcome.1, [told]);
}
