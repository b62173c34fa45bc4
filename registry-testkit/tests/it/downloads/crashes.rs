//! What fails at each step of a flush and of a fold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};

use super::{DAY, counted, counting, download, flush};

const OPERATIONS: [Operation; 5] =
    [Operation::Get, Operation::Put, Operation::Delete, Operation::List, Operation::ListFolders];

/// Lets the operation on counts that comes after `skip` others meet a fault. Returns how many came.
fn fail_at(registry: &TestRegistry, skip: usize, fault: &Fault) -> Arc<AtomicUsize> {
    let passed = Arc::new(AtomicUsize::new(0));
    for operation in OPERATIONS {
        let passed = Arc::clone(&passed);
        let is_it = move |path: &str| {
            path.starts_with("_downloads/") && passed.fetch_add(1, Ordering::Relaxed) == skip
        };
        registry.store().fail_next_at(operation, is_it, fault.clone());
    }
    passed
}

/// Two processes that counted 3 and 4 downloads two days ago, the second of which is about to write its first of today
/// and to fold.
async fn about_to_fold() -> (TestRegistry, TestRegistry) {
    let ended = counting().await;
    let folding = ended.replica().await;
    for (replica, times) in [(&ended, 3), (&folding, 4)] {
        download(&replica.anonymous(), "pear", times).await;
        download(&replica.anonymous(), "@acme/fig", 1).await;
        flush(replica).await;
    }
    ended.clock().advance(DAY * 2);
    download(&folding.anonymous(), "pear", 5).await;
    (ended, folding)
}

#[tokio::test]
async fn an_error_at_any_step_loses_nothing_and_counts_nothing_twice() {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        for skip in 0.. {
            let (ended, folding) = about_to_fold().await;
            let passed = fail_at(&folding, skip, &fault);
            let what = format!("{fault:?} after {skip}");
            let flushed = folding.registry().flush_downloads().await;
            let has_met = passed.fetch_add(1000, Ordering::Relaxed) > skip;
            // A reader in between sees the same.
            let written = if flushed.is_ok() { 5 } else { 0 };
            let seen = counted(&ended, "pear").await;
            assert!(seen == 7 + written || (flushed.is_err() && seen == 12), "{what}: {seen}");
            assert_eq!(counted(&ended, "@acme/fig").await, 2, "{what}");
            download(&folding.anonymous(), "pear", 1).await;
            flush(&folding).await;
            assert_eq!(counted(&ended, "pear").await, 13, "{what}");
            assert_eq!(folding.registry().measurements().downloads.lost, 0, "{what}");
            // Another process folds what is left, and later ones forget what they may.
            for (flushes, days) in [1, 4].into_iter().enumerate() {
                folding.clock().advance(DAY * days);
                download(&ended.anonymous(), "pear", 1).await;
                flush(&ended).await;
                assert_eq!(counted(&folding, "pear").await, 14 + flushes as u64, "{what}");
                assert_eq!(counted(&folding, "@acme/fig").await, 2, "{what}");
            }
            if !has_met {
                assert!(skip > 8, "a fold has more steps than {skip}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_step_loses_at_most_what_was_not_written() {
    for skip in 0.. {
        let (ended, folding) = about_to_fold().await;
        let gate = Gate::new();
        let passed = fail_at(&folding, skip, &Fault::Hold(gate.clone()));
        let flushed = folding.registry().flush_downloads().now_or_never();
        let has_met = passed.load(Ordering::Relaxed) > skip;
        assert_eq!(has_met, flushed.is_none(), "after {skip}");
        // Killed: what would run when the registry is dropped does not.
        std::mem::forget(folding);
        let successor = ended.replica().await;
        let written = if skip == 0 && has_met { 0 } else { 5 };
        assert_eq!(counted(&successor, "pear").await, 7 + written, "after {skip}");
        for flushes in 1..3 {
            download(&successor.anonymous(), "pear", 1).await;
            flush(&successor).await;
            assert_eq!(counted(&ended, "pear").await, 7 + written + flushes, "after {skip}");
            assert_eq!(counted(&ended, "@acme/fig").await, 2, "after {skip}");
            successor.clock().advance(DAY * 4);
        }
        if !has_met {
            break;
        }
    }
}

#[tokio::test]
async fn a_fold_that_stood_still_for_a_day_adds_nothing() {
    let (ended, folding) = about_to_fold().await;
    let gate = Gate::new();
    // It has read the objects of the day, and is about to write the first shard.
    folding.store().fail_next_at(
        Operation::Put,
        |path| path.starts_with("_downloads/months/"),
        Fault::Hold(gate.clone()),
    );
    let registry = folding.registry().clone();
    let standing = tokio::spawn(async move { registry.flush_downloads().await });
    gate.reached().await;
    for _ in 0..5 {
        download(&ended.anonymous(), "pear", 1).await;
        flush(&ended).await;
        ended.clock().advance(DAY);
    }
    assert_eq!(counted(&ended, "pear").await, 12 + 5);
    gate.open();
    standing.await.unwrap().unwrap();
    assert_eq!(counted(&ended, "pear").await, 12 + 5);
    assert_eq!(counted(&ended, "@acme/fig").await, 2);
}

#[tokio::test]
async fn four_replicas_fold_at_once() {
    let (ended, folding) = about_to_fold().await;
    let replicas = [ended.replica().await, ended.replica().await, ended, folding];
    for replica in &replicas {
        download(&replica.anonymous(), "pear", 1).await;
    }
    futures::future::join_all(replicas.iter().map(flush)).await;
    assert_eq!(counted(&replicas[0], "pear").await, 12 + 4);
    assert_eq!(counted(&replicas[0], "@acme/fig").await, 2);
}
