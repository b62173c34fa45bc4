use registry_core::bulk::BulkMode;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

use super::{DAY, NOTHING, name, publish, retain, rules};
use crate::bulk::{calls_of, fail_at, outcome};

async fn grown() -> TestRegistry {
    let registry = TestRegistry::new().await;
    for name in NAMES {
        for version in ["1.0.0", "1.1.0", "2.0.0-beta.1", "2.0.0"] {
            publish(&registry, &PublishDocument::new(name, version)).await;
        }
    }
    registry.clock().advance(DAY);
    registry
}

const NAMES: [&str; 2] = ["@acme/fig", "pear"];

/// Runs on the packages, without a listing that may fail, too. Returns the failures.
async fn run(registry: &TestRegistry) -> Vec<String> {
    let names = NAMES.map(name).to_vec();
    let retained =
        registry.registry().retain_packages(names, rules(&[("**", NOTHING)]), BulkMode::Apply).await;
    outcome(retained.unwrap()).await.1
}

/// What a run leaves: the packuments, and all other keys of packages.
async fn state(registry: &TestRegistry) -> (Vec<Value>, Vec<String>) {
    let stored = registry.stored().await;
    let of_packages = stored.iter().filter(|(key, _)| key.starts_with("@acme/") || key.starts_with("pear/"));
    let (mut packuments, mut keys) = (Vec::new(), Vec::new());
    for (key, bytes) in of_packages {
        keys.push(key.clone());
        if key.ends_with("index.json") {
            let mut packument: Value = serde_json::from_slice(bytes).unwrap();
            for random in ["_rev", "_history"] {
                packument.as_object_mut().unwrap().shift_remove(random);
            }
            packuments.push(packument);
        }
    }
    (packuments, keys)
}

#[tokio::test]
async fn a_run_that_failed_anywhere_is_finished_by_the_next_one() {
    let clean = grown().await;
    let _ = clean.store().take_calls();
    assert_eq!(run(&clean).await, [""; 0]);
    let expected = state(&clean).await;
    assert_eq!(expected.1.iter().filter(|key| key.contains("/-/")).count(), 2, "{:?}", expected.1);
    let calls = clean.store().take_calls();
    let times = |operation| calls.iter().filter(|(called, _)| *called == operation).count();
    for operation in [Operation::Get, Operation::Put, Operation::Delete, Operation::List] {
        assert!(times(operation) > 1, "{operation:?}: {}", times(operation));
        for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
            for number in 0..times(operation) {
                let registry = grown().await;
                let _ = calls_of(&registry, operation);
                fail_at(&registry, operation, number, fault.clone());
                let _ = run(&registry).await;
                // What runs once a process ends does not.
                let registry = registry.replica().await;
                let what = format!("{operation:?} {number}, {fault:?}");
                assert_eq!(run(&registry).await, [""; 0], "{what}");
                assert_eq!(state(&registry).await, expected, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn tarballs_that_a_stopped_run_left_are_deleted_and_those_of_others_are_not() {
    let registry = grown().await;
    let deletes = |path: &str| path.starts_with("pear/-/");
    for _ in 0..3 {
        registry.store().fail_next_at(Operation::Delete, deletes, Fault::Refused);
    }
    let (packages, failures) = retain(&registry, NOTHING, BulkMode::Apply).await;
    assert_eq!(failures, [""; 0]);
    assert_eq!(packages.iter().map(|package| package.leftovers).collect::<Vec<_>>(), [0, 0]);
    // A publish in progress has stored its tarball, and no packument names it yet.
    let begun = "pear/-/00000000000000000000000000000000/pear-3.0.0.tgz";
    registry.put(begun, "begun").await;
    let (packages, failures) = retain(&registry, NOTHING, BulkMode::DryRun).await;
    assert_eq!((packages[1].leftovers, failures), (0, Vec::new()));
    let (packages, failures) = retain(&registry, NOTHING, BulkMode::Apply).await;
    assert_eq!(failures, [""; 0]);
    assert_eq!(packages.iter().map(|package| package.leftovers).collect::<Vec<_>>(), [0, 3]);
    let keys = registry.keys().await;
    let left: Vec<_> = keys.iter().filter(|key| key.starts_with("pear/-/")).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(keys.contains(&begun.to_owned()));
}
