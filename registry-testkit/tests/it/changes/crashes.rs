use std::time::Duration;

use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};

use super::{lines, markers, publish};

/// Lets the process stop before it writes the feed.
fn stop_at_the_feed(registry: &TestRegistry) {
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, |path| path == "_changes/head.json", Fault::Hold(gate));
}

#[tokio::test]
async fn another_replica_delivers_what_a_crashed_one_left_behind() {
    let crashed = TestRegistry::builder().change_feed().start().await;
    stop_at_the_feed(&crashed);
    publish(&crashed, "pear", "1.0.0").await;
    publish(&crashed, "fig", "1.0.0").await;
    let other = crashed.replica().await;
    drop(crashed);
    assert_eq!(other.registry().recover_changes().await.unwrap(), 0, "it may still be at work");
    assert_eq!(lines(&other).await, [""; 0]);
    other.clock().advance(Duration::from_secs(20));
    assert_eq!(other.registry().recover_changes().await.unwrap(), 2);
    assert_eq!(lines(&other).await, ["1 fig published", "2 pear published"]);
    assert_eq!(markers(&other).await, [""; 0]);
    let kinds = other.events().kinds();
    assert_eq!(kinds.matches("\"published\"").count(), 2, "the sinks of events get them too: {kinds}");
    assert_eq!(other.registry().recover_changes().await.unwrap(), 0);
}

#[tokio::test]
async fn a_later_change_by_another_replica_brings_the_lost_one_along_in_order() {
    let crashed = TestRegistry::builder().change_feed().start().await;
    stop_at_the_feed(&crashed);
    publish(&crashed, "pear", "1.0.0").await;
    let other = crashed.replica().await;
    publish(&other, "pear", "1.1.0").await;
    other.registry().flush_events().await;
    assert_eq!(lines(&other).await, ["1 pear published", "2 pear published"]);
    publish(&other, "pear", "1.2.0").await;
    other.registry().flush_events().await;
    assert_eq!(markers(&other).await.len(), 1, "the sinks of events of the crashed replica may not have it");
    other.clock().advance(Duration::from_secs(20));
    assert_eq!(other.registry().recover_changes().await.unwrap(), 1);
    assert_eq!(lines(&other).await.len(), 3, "and the feed does not get it twice");
    assert_eq!(markers(&other).await, [""; 0]);
}

#[tokio::test]
async fn a_process_that_stops_after_the_feed_leaves_nothing_undone() {
    let crashed = TestRegistry::builder().change_feed().start().await;
    let gate = Gate::new();
    crashed.store().fail_next_at(Operation::Delete, |path| path.starts_with("_outbox/"), Fault::Hold(gate));
    publish(&crashed, "pear", "1.0.0").await;
    crashed.registry().wait_for_changes(0).await;
    let other = crashed.replica().await;
    other.clock().advance(Duration::from_secs(20));
    assert_eq!(other.registry().recover_changes().await.unwrap(), 1);
    assert_eq!(lines(&other).await, ["1 pear published"]);
    assert_eq!(markers(&other).await, [""; 0]);
}

#[tokio::test]
async fn the_marker_of_a_commit_that_failed_is_forgotten_later() {
    let registry = TestRegistry::builder().change_feed().start().await;
    registry.store().fail_next_at(Operation::Put, |path| path == "pear/index.json", Fault::Refused);
    let document = registry_testkit::publish_document::PublishDocument::new("pear", "1.0.0");
    let _ = registry.ana().publish(&document).await.assert_status(500);
    assert_eq!(markers(&registry).await.len(), 1);
    registry.clock().advance(Duration::from_mins(1));
    registry.registry().recover_changes().await.unwrap();
    assert_eq!(markers(&registry).await.len(), 1, "the store might still write it");
    registry.clock().advance(Duration::from_mins(10));
    registry.registry().recover_changes().await.unwrap();
    assert_eq!(markers(&registry).await, [""; 0]);
    assert_eq!(lines(&registry).await, [""; 0]);
}

#[tokio::test]
async fn a_rejected_publish_leaves_no_marker() {
    let registry = TestRegistry::builder().change_feed().start().await;
    publish(&registry, "pear", "1.0.0").await;
    let document = registry_testkit::publish_document::PublishDocument::new("pear", "1.0.0");
    let _ = registry.ana().publish(&document).await.assert_status(403);
    registry.store().fail_next_at(Operation::Put, |path| path.contains("/-/"), Fault::Refused);
    let document = registry_testkit::publish_document::PublishDocument::new("pear", "1.0.1");
    let _ = registry.ana().publish(&document).await.assert_status(500);
    registry.registry().flush_events().await;
    assert_eq!(markers(&registry).await, [""; 0]);
    assert_eq!(lines(&registry).await, ["1 pear published"]);
}

#[tokio::test]
async fn an_answer_of_the_store_that_is_lost_delivers_each_event_once() {
    let registry = TestRegistry::builder().change_feed().start().await;
    for path in ["pear/index.json", "_changes/head.json"] {
        registry.store().fail_next_at(Operation::Put, move |at| at == path, Fault::AfterEffect);
    }
    publish(&registry, "pear", "1.0.0").await;
    registry.registry().flush_events().await;
    assert_eq!(lines(&registry).await, ["1 pear published"]);
    assert_eq!(registry.events().kinds().matches("\"published\"").count(), 1);
    assert_eq!(markers(&registry).await, [""; 0]);
}
