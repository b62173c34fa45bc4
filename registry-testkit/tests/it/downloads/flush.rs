use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};

use super::{DAY, counted, counting, download, flush, stored};

fn is_of_day(path: &str) -> bool {
    path.starts_with("_downloads/days/")
}

#[tokio::test]
async fn a_process_replaces_its_own_object_and_a_restarted_one_begins_another() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    download(&registry.anonymous(), "pear", 1).await;
    download(&registry.anonymous(), "@acme/fig", 1).await;
    flush(&registry).await;
    let restarted = registry.replica().await;
    drop(registry);
    download(&restarted.anonymous(), "pear", 1).await;
    flush(&restarted).await;
    restarted.clock().advance(DAY);
    download(&restarted.anonymous(), "pear", 1).await;
    flush(&restarted).await;
    assert_snapshot!(stored(&restarted).await, @r#"
_downloads/days/2026-01-02/A-0.json {"packages":{"@acme/fig":{"1.0.0":1},"pear":{"1.0.0":3}}}
_downloads/days/2026-01-02/B-0.json {"packages":{"pear":{"1.0.0":1}}}
_downloads/days/2026-01-03/B-1.json {"packages":{"pear":{"1.0.0":1}}}
"#);
    assert_eq!(counted(&restarted, "pear").await, 5);
}

#[tokio::test]
async fn counts_of_four_replicas_add_up() {
    let first = counting().await;
    let mut replicas = vec![first.replica().await, first.replica().await, first.replica().await];
    replicas.push(first);
    for (number, replica) in replicas.iter().enumerate() {
        download(&replica.anonymous(), "pear", 10 + number).await;
    }
    futures::future::join_all(replicas.iter().map(flush)).await;
    for replica in &replicas {
        assert_eq!(counted(replica, "pear").await, 10 + 11 + 12 + 13);
    }
}

#[tokio::test]
async fn a_lost_answer_counts_nothing_twice() {
    for fault in [Fault::AfterEffect, Fault::BeforeEffect, Fault::Refused] {
        for is_first in [true, false] {
            let registry = counting().await;
            let what = format!("{fault:?}, first: {is_first}");
            if !is_first {
                download(&registry.anonymous(), "pear", 1).await;
                flush(&registry).await;
            }
            download(&registry.anonymous(), "pear", 2).await;
            registry.store().fail_next_at(Operation::Put, is_of_day, fault.clone());
            assert!(registry.registry().flush_downloads().await.is_err(), "{what}");
            assert_eq!(registry.registry().measurements().downloads.failed_flushes, 1);
            // More is counted before it is tried again, and the next answer is lost too.
            download(&registry.anonymous(), "pear", 3).await;
            registry.store().fail_next_at(Operation::Put, is_of_day, Fault::AfterEffect);
            assert!(registry.registry().flush_downloads().await.is_err(), "{what}");
            flush(&registry).await;
            let expected = if is_first { 5 } else { 6 };
            assert_eq!(counted(&registry, "pear").await, expected, "{what}");
            let keys = registry.keys().await;
            assert_eq!(keys.iter().filter(|key| is_of_day(key)).count(), 1, "{what}: {keys:?}");
            assert_eq!(registry.registry().measurements().downloads.lost, 0, "{what}");
        }
    }
}

/// Closes the object of the day, as another process does that folds it.
async fn close(registry: &TestRegistry) -> String {
    let stored = registry.stored().await;
    let (key, bytes) = stored.into_iter().find(|(key, _)| is_of_day(key)).unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    document["closed"] = true.into();
    registry.put(&key, document.to_string()).await;
    key
}

#[tokio::test]
async fn an_object_that_another_process_closed_or_deleted_is_left_alone() {
    // Closed with what was written before: what is new goes into another object.
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    close(&registry).await;
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    assert_snapshot!(stored(&registry).await, @r#"
_downloads/days/2026-01-02/A-0.json {"packages":{"pear":{"1.0.0":1}},"closed":true}
_downloads/days/2026-01-02/A-1.json {"packages":{"pear":{"1.0.0":2}}}
"#);
    assert_eq!(counted(&registry, "pear").await, 3);

    // Closed with what was to be written, by a write whose answer was lost.
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    registry.store().fail_next_at(Operation::Put, is_of_day, Fault::AfterEffect);
    assert!(registry.registry().flush_downloads().await.is_err());
    close(&registry).await;
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    assert_eq!(counted(&registry, "pear").await, 3);

    // Gone: whether the store had it is not known, so one interval is lost, and nothing is counted twice.
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    let key = close(&registry).await;
    registry.remove(&key).await;
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    download(&registry.anonymous(), "pear", 4).await;
    flush(&registry).await;
    assert_eq!(counted(&registry, "pear").await, 4);
    assert_eq!(registry.registry().measurements().downloads.lost, 2);
}

#[tokio::test]
async fn an_object_that_an_operator_wrote_anew_is_still_the_own_one() {
    use futures::TryStreamExt as _;
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    let rewritten: Result<Vec<_>, _> =
        registry.registry().rewrite_objects(None, registry_core::bulk::BulkMode::Apply).try_collect().await;
    assert!(!rewritten.unwrap().is_empty());
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    assert_eq!(counted(&registry, "pear").await, 3);
    assert_eq!(registry.registry().measurements().downloads.lost, 0);
}

#[tokio::test]
async fn a_function_writes_when_the_time_has_passed() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    registry.registry().flush_due_downloads().await.unwrap();
    assert_eq!(stored(&registry).await, "");
    registry.clock().advance(std::time::Duration::from_mins(1));
    registry.registry().flush_due_downloads().await.unwrap();
    assert_eq!(counted(&registry, "pear").await, 1);
}

#[tokio::test(start_paused = true)]
async fn counts_are_written_a_minute_after_the_first_and_when_the_registry_closes() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(59)).await;
    assert_eq!(counted(&registry, "pear").await, 0);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(counted(&registry, "pear").await, 1);
    // The store fails for a while.
    registry.store().fail_next_at(Operation::Put, is_of_day, Fault::BeforeEffect);
    download(&registry.anonymous(), "pear", 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(counted(&registry, "pear").await, 1);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(counted(&registry, "pear").await, 2);
    let other = registry.replica().await;
    download(&registry.anonymous(), "pear", 1).await;
    drop(registry);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(counted(&other, "pear").await, 3);
}
