use std::sync::Arc;

use registry_core::storage::{
    Blob, BlobError, BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, PutOutcome, When,
};
use registry_testkit::conformance;
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Gate, Operation};

use super::NO_URLS;

fn path(path: &str) -> BlobPath {
    BlobPath::parse(path).unwrap()
}

fn faulty(plan: FaultPlan) -> Faulty<ObjectStoreBlobs> {
    Faulty::new(ObjectStoreBlobs::in_memory(), plan)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_faults_it_is_as_its_store() {
    conformance::blob_store(|| async { Arc::new(faulty(FaultPlan::NONE)) as _ }, NO_URLS).await;
    let slow = FaultPlan { delayed: 1.0, ..FaultPlan::NONE };
    conformance::blob_store(|| async { Arc::new(faulty(slow)) as _ }, NO_URLS).await;
}

#[tokio::test]
async fn a_fault_before_the_effect_stores_nothing_and_one_after_it_does() {
    let store = faulty(FaultPlan::NONE);
    for (fault, stored) in [(Fault::BeforeEffect, false), (Fault::AfterEffect, true), (Fault::Refused, false)]
    {
        let path = path(&format!("{fault:?}"));
        let refused = matches!(fault, Fault::Refused);
        store.fail_next(Operation::Put, fault);
        let error = store.put(&path, "x".into(), When::Always).await.unwrap_err();
        assert_eq!(matches!(error, BlobError::Refused { .. }), refused, "{error}");
        assert_eq!(store.get(&path).await.unwrap().is_some(), stored, "{path}");
    }
    assert_eq!(store.faults_to_come(), 0);
}

#[tokio::test]
async fn a_fault_waits_for_its_operation_and_path() {
    let store = faulty(FaultPlan::NONE);
    store.fail_next_at(Operation::Delete, |path| path == "b", Fault::BeforeEffect);
    store.get(&path("b")).await.unwrap();
    store.delete(&path("a")).await.unwrap();
    assert_eq!(store.faults_to_come(), 1);
    store.delete(&path("b")).await.unwrap_err();
    store.delete(&path("b")).await.unwrap();
    let calls: Vec<_> =
        store.calls().into_iter().map(|(operation, path)| format!("{operation:?} {path}")).collect();
    assert_eq!(calls, ["Get b", "Delete a", "Delete b", "Delete b"]);
}

#[tokio::test]
async fn a_listing_breaks_off() {
    use futures::StreamExt;
    let store = faulty(FaultPlan::NONE);
    let _ = store.put(&path("a"), "x".into(), When::Always).await.unwrap();
    for (fault, listed) in [(Fault::BeforeEffect, 0), (Fault::AfterEffect, 1)] {
        store.fail_next(Operation::List, fault);
        let lines: Vec<_> = store.list(&BlobPrefix::ROOT).collect().await;
        assert_eq!(lines.iter().filter(|line| line.is_ok()).count(), listed);
        assert!(lines.last().unwrap().is_err());
    }
}

#[tokio::test]
async fn a_gate_lets_a_test_act_while_a_write_is_under_way() {
    let store = Arc::new(faulty(FaultPlan::NONE));
    let gate = Gate::new();
    store.fail_next(Operation::Put, Fault::Hold(gate.clone()));
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.put(&path("a"), "late".into(), When::Absent).await }
    });
    gate.reached().await;
    let first = store.put(&path("a"), "early".into(), When::Absent).await.unwrap();
    assert!(matches!(first, PutOutcome::Stored(_)));
    gate.open();
    assert_eq!(writer.await.unwrap().unwrap(), PutOutcome::Conflict);
}

/// Which of 200 reads fail.
async fn failures(seed: u64) -> Vec<bool> {
    let store = faulty(FaultPlan::bad_day(seed));
    let mut failures = Vec::new();
    for _ in 0..200 {
        let answer: Result<Option<Blob>, BlobError> = store.get(&path("a")).await;
        failures.push(answer.is_err());
    }
    failures
}

#[tokio::test]
async fn a_seed_gives_the_same_faults_again() {
    let first = failures(7).await;
    assert_eq!(first, failures(7).await);
    assert_ne!(first, failures(8).await);
    let share = first.iter().filter(|failed| **failed).count();
    assert!((5..50).contains(&share), "about a tenth of 200 should fail, and {share} did");
}
