use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use registry_core::changes::{ChangeSink, DeliveredChange, DeliverySettings, NeverAccepted};
use registry_core::events::EventError;
use registry_testkit::{RecordedChanges, TestRegistry};
use tokio::sync::Semaphore;

use super::publish;

fn settings(change: impl FnOnce(&mut DeliverySettings)) -> DeliverySettings {
    let mut settings = DeliverySettings::default();
    change(&mut settings);
    settings
}

async fn registry_with(changes: &RecordedChanges, settings: DeliverySettings) -> TestRegistry {
    TestRegistry::builder().change_sink("sink", Arc::new(changes.clone()), settings).start().await
}

async fn deliver(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
}

#[tokio::test]
async fn a_sink_gets_each_change_once_and_in_order() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes, DeliverySettings::default()).await;
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        publish(&registry, "pear", version).await;
    }
    deliver(&registry).await;
    publish(&registry, "fig", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!(
        changes.lines(),
        ["1 pear published", "2 pear published", "3 pear published", "4 fig published"]
    );
    let state = &registry.registry().delivery_states().await.unwrap()[0];
    assert_eq!((state.delivered, state.behind, state.given_up), (4, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_gets_the_changes_later_one_by_one() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes, DeliverySettings::default()).await;
    changes.fail(100);
    publish(&registry, "pear", "1.0.0").await;
    publish(&registry, "pear", "1.0.1").await;
    deliver(&registry).await;
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.delivered, state.error.as_deref()), (0, Some("out of order")));
    assert!(state.failing_since.is_some() && state.oldest_undelivered.is_some());
    deliver(&registry).await;
    changes.recover();
    deliver(&registry).await;
    assert_eq!(changes.lines(), [""; 0], "not before the pause is over");
    registry.clock().advance(Duration::from_secs(2));
    deliver(&registry).await;
    assert_eq!(changes.lines(), ["1 pear published", "2 pear published"]);
    assert_eq!(registry.registry().delivery_states().await.unwrap()[0].error, None);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_sink_never_accepts_is_given_up_as_configured() {
    let changes = RecordedChanges::default();
    let limit = settings(|settings| settings.give_up_after = Some(Duration::from_mins(10)));
    let registry = registry_with(&changes, limit).await;
    changes.refuse(2);
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        publish(&registry, "pear", version).await;
    }
    deliver(&registry).await;
    registry.clock().advance(Duration::from_mins(2));
    deliver(&registry).await;
    assert_eq!(changes.lines(), ["1 pear published"]);
    registry.clock().advance(Duration::from_mins(10));
    deliver(&registry).await;
    assert_eq!(changes.lines(), ["1 pear published", "3 pear published"]);
    assert_eq!(registry.registry().delivery_states().await.unwrap()[0].given_up, 1);
}

/// A sink that never accepts the change of this number, and says so.
#[derive(Debug)]
struct ChoosySink {
    accepted: RecordedChanges,
    never: u64,
}

#[async_trait]
impl ChangeSink for ChoosySink {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        if changes.iter().any(|change| change.seq == self.never) {
            let source = NeverAccepted::new("it is too large").into();
            return Err(EventError { sink: self.to_string(), source });
        }
        self.accepted.deliver(changes).await
    }
}

impl fmt::Display for ChoosySink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a choosy sink")
    }
}

#[tokio::test]
async fn a_change_that_a_sink_says_it_never_accepts_is_given_up_at_once() {
    let accepted = RecordedChanges::default();
    let sink = ChoosySink { accepted: accepted.clone(), never: 2 };
    let registry = TestRegistry::builder()
        .change_sink("sink", Arc::new(sink), DeliverySettings::default())
        .start()
        .await;
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        publish(&registry, "pear", version).await;
    }
    deliver(&registry).await;
    assert_eq!(accepted.lines(), ["1 pear published", "3 pear published"]);
    let state = &registry.registry().delivery_states().await.unwrap()[0];
    assert_eq!((state.behind, state.given_up, state.error.as_deref()), (0, 1, None));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_change_is_never_given_up() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes, DeliverySettings::default()).await;
    changes.refuse(1);
    publish(&registry, "pear", "1.0.0").await;
    for _ in 0..50 {
        deliver(&registry).await;
        registry.clock().advance(Duration::from_hours(1));
    }
    assert_eq!(registry.registry().delivery_states().await.unwrap()[0].behind, 1);
}

/// A sink that says when it gets something, and waits before it accepts it.
#[derive(Debug, Clone)]
struct SlowSink {
    accepted: RecordedChanges,
    reached: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl ChangeSink for SlowSink {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        self.reached.add_permits(1);
        drop(self.gate.acquire().await.unwrap());
        self.accepted.deliver(changes).await
    }
}

impl fmt::Display for SlowSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a slow sink")
    }
}

#[tokio::test]
async fn a_process_that_stops_lets_the_next_one_go_on_at_once() {
    let accepted = RecordedChanges::default();
    let (reached, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let sink = SlowSink { accepted: accepted.clone(), reached, gate };
    let one_by_one = settings(|settings| settings.batch = 1);
    let registry =
        TestRegistry::builder().change_sink("sink", Arc::new(sink.clone()), one_by_one).start().await;
    for version in ["1.0.0", "1.0.1"] {
        publish(&registry, "pear", version).await;
    }
    registry.registry().flush_events().await;
    let stop = async {
        drop(sink.reached.acquire().await.unwrap());
        let open = async { sink.gate.add_permits(1) };
        tokio::join!(registry.registry().stop_deliveries(), open);
    };
    tokio::join!(registry.registry().deliver_changes(), stop);
    assert_eq!(accepted.lines(), ["1 pear published"]);
    deliver(&registry).await;
    assert_eq!(accepted.lines(), ["1 pear published"], "it stopped");
    deliver(&registry.replica().await).await;
    assert_eq!(accepted.lines(), ["1 pear published", "2 pear published"]);
}

/// A replica that waits is not dead, and a change that two deliver may come out of order.
#[tokio::test(start_paused = true)]
async fn a_replica_that_waits_for_a_slow_sink_keeps_its_turn() {
    let accepted = RecordedChanges::default();
    let (reached, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let sink =
        SlowSink { accepted: accepted.clone(), reached: Arc::clone(&reached), gate: Arc::clone(&gate) };
    let patient = settings(|settings| settings.timeout = Duration::from_mins(10));
    let registry = TestRegistry::builder().change_sink("sink", Arc::new(sink), patient).start().await;
    publish(&registry, "pear", "1.0.0").await;
    registry.registry().flush_events().await;
    let other = registry.replica().await;
    let watch = async {
        drop(reached.acquire().await.unwrap());
        for _ in 0..12 {
            registry.clock().advance(Duration::from_secs(11));
            tokio::time::sleep(Duration::from_secs(11)).await;
            other.registry().deliver_changes().await;
        }
        assert_eq!(reached.available_permits(), 1, "the other replica delivers too");
        gate.add_permits(1);
    };
    tokio::join!(registry.registry().deliver_changes(), watch);
    assert_eq!(accepted.lines(), ["1 pear published"]);
}

#[tokio::test]
async fn another_replica_goes_on_where_one_stopped() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes, DeliverySettings::default()).await;
    publish(&registry, "pear", "1.0.0").await;
    deliver(&registry).await;
    let other = registry.replica().await;
    drop(registry);
    publish(&other, "pear", "1.0.1").await;
    deliver(&other).await;
    assert_eq!(changes.lines(), ["1 pear published", "2 pear published"]);
}

#[tokio::test]
async fn a_new_sink_begins_with_the_changes_from_then_on() {
    let registry = TestRegistry::builder().change_feed().start().await;
    publish(&registry, "pear", "1.0.0").await;
    registry.registry().flush_events().await;
    let changes = RecordedChanges::default();
    let other = TestRegistry::builder()
        .change_sink("late", Arc::new(changes.clone()), DeliverySettings::default())
        .start_on(&registry)
        .await;
    publish(&other, "pear", "1.0.1").await;
    deliver(&other).await;
    assert_eq!(changes.lines(), ["2 pear published"]);
}

#[tokio::test]
async fn a_dead_sink_holds_up_no_publish_and_no_other_sink() {
    let (dead, alive) = (RecordedChanges::default(), RecordedChanges::default());
    dead.fail(1000);
    let registry = TestRegistry::builder()
        .change_sink("dead", Arc::new(dead.clone()), DeliverySettings::default())
        .change_sink("alive", Arc::new(alive.clone()), DeliverySettings::default())
        .start()
        .await;
    for number in 0..20 {
        publish(&registry, "pear", &format!("1.0.{number}")).await;
    }
    deliver(&registry).await;
    assert_eq!(alive.lines().len(), 20);
    assert_eq!(dead.lines(), [""; 0]);
    registry.registry().flush_events().await;
}
