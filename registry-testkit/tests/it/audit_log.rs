//! The audit log: what is stored, by how many at once, and what a bad store does to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use registry_core::clock::Clock as _;
use registry_core::events::{
    AuditLog, AuditRecord, AuditSpan, Event, EventKind, EventQueue, EventSink as _, read_audit_log,
    remove_audit_log_before,
};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, When};
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Gate, Operation};
use registry_testkit::{FixedClock, SeededRandomness, conformance};
use serde_json::Value;

type Memory = Faulty<ObjectStoreBlobs>;

fn memory() -> Arc<Memory> {
    Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE))
}

fn log(store: &Arc<Memory>, clock: &Arc<FixedClock>, seed: u64) -> AuditLog {
    AuditLog::new(Arc::clone(store) as _, Arc::clone(clock) as _, Arc::new(SeededRandomness::new(seed)))
}

fn event(name: &str, time: DateTime<Utc>) -> Event {
    let mut event = Event::new(time, EventKind::LoggedIn);
    event.principal = Some(name.into());
    event
}

async fn keys(store: &Arc<Memory>) -> Vec<String> {
    store.list(&BlobPrefix::ROOT).map_ok(|blob| blob.path.to_string()).try_collect().await.unwrap()
}

async fn read(store: &Arc<Memory>, span: AuditSpan) -> Vec<AuditRecord> {
    read_audit_log(Arc::clone(store) as _, span).try_collect().await.unwrap()
}

async fn names(store: &Arc<Memory>, span: AuditSpan) -> Vec<String> {
    let records = read(store, span).await;
    records.iter().map(|record| record.fields["principal"].as_str().unwrap().to_owned()).collect()
}

/// Every line in the store, batch by batch.
async fn lines(store: &Arc<Memory>) -> Vec<Value> {
    let mut lines = Vec::new();
    for key in keys(store).await {
        let blob = store.get(&BlobPath::parse(&key).unwrap()).await.unwrap().unwrap();
        let text = String::from_utf8(blob.bytes.to_vec()).unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    lines
}

#[tokio::test]
async fn the_audit_log_keeps_the_contract() {
    let stores = std::sync::Mutex::new(Vec::new());
    conformance::event_sink(
        || {
            let store = memory();
            stores.lock().unwrap().push(Arc::clone(&store));
            let log = Arc::new(log(&store, &Arc::new(FixedClock::new()), 1));
            async move { log }
        },
        |_| {
            let store = stores.lock().unwrap().last().map(Arc::clone).unwrap();
            async move { lines(&store).await }
        },
    )
    .await;
}

#[tokio::test]
async fn a_batch_is_one_object_of_its_day() {
    let (store, clock) = (memory(), Arc::new(FixedClock::new()));
    let log = log(&store, &clock, 1);
    log.deliver(&[event("ana", clock.now()), event("ben", clock.now())]).await.unwrap();
    clock.advance(Duration::from_hours(24));
    log.deliver(&[event("carol", clock.now())]).await.unwrap();
    let keys = keys(&store).await;
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with("_log/2026/01/02/030405000000-1767323045000-"), "{keys:?}");
    assert!(keys[1].starts_with("_log/2026/01/03/030405000000-1767409445000-"), "{keys:?}");
    let blob = store.get(&BlobPath::parse(&keys[0]).unwrap()).await.unwrap().unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&blob.bytes), @r#"
    {"time":"2026-01-02T03:04:05Z","principal":"ana","kind":"logged-in"}
    {"time":"2026-01-02T03:04:05Z","principal":"ben","kind":"logged-in"}
    "#);
}

#[tokio::test]
async fn what_two_replicas_write_is_read_in_the_order_of_time() {
    let (store, clock) = (memory(), Arc::new(FixedClock::new()));
    let (one, other) = (log(&store, &clock, 1), log(&store, &clock, 2));
    let mut expected = Vec::new();
    for round in 0..50 {
        let held_up = event(&format!("first {round}"), clock.now());
        clock.advance(Duration::from_secs(1));
        // The other replica's later event arrives before.
        other.deliver(&[event(&format!("second {round}"), clock.now())]).await.unwrap();
        one.deliver(&[held_up]).await.unwrap();
        expected.extend([format!("first {round}"), format!("second {round}")]);
    }
    assert_eq!(names(&store, AuditSpan::default()).await, expected);
}

#[tokio::test]
async fn a_span_is_read_and_nothing_else_is_fetched() {
    let (store, clock) = (memory(), Arc::new(FixedClock::new()));
    let log = log(&store, &clock, 1);
    for day in 0..6 {
        log.deliver(&[event(&format!("day {day}"), clock.now())]).await.unwrap();
        clock.advance(Duration::from_hours(24));
    }
    let at = |text: &str| Some(text.parse().unwrap());
    let span = AuditSpan { since: at("2026-01-04T00:00:00Z"), until: at("2026-01-05T03:04:05Z") };
    let before = store.calls().len();
    assert_eq!(names(&store, span).await, ["day 2", "day 3"]);
    let fetched = store.calls().split_off(before).into_iter().filter(|(call, _)| *call == Operation::Get);
    assert_eq!(fetched.count(), 2);

    let first_kept = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    assert_eq!(remove_audit_log_before(&*store, first_kept).await.unwrap(), 3);
    assert_eq!(names(&store, AuditSpan::default()).await, ["day 3", "day 4", "day 5"]);
    assert_eq!(remove_audit_log_before(&*store, first_kept).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_and_holds_each_event_once() {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused] {
        let (store, clock) = (memory(), Arc::new(FixedClock::new()));
        let queue = EventQueue::start(Arc::new(log(&store, &clock, 1)));
        for _ in 0..3 {
            store.fail_next(Operation::Put, fault.clone());
        }
        for name in ["ana", "ben", "carol"] {
            queue.emit(event(name, clock.now()));
        }
        queue.flush().await;
        assert_eq!(names(&store, AuditSpan::default()).await, ["ana", "ben", "carol"], "{fault:?}");
        let puts = store.calls().into_iter().filter(|(call, _)| *call == Operation::Put).count();
        assert_eq!((puts, queue.lost(), store.faults_to_come()), (4, 0, 0), "{fault:?}");
    }
}

#[test]
fn a_crash_loses_what_was_not_delivered_and_nothing_else() {
    let (store, clock) = (memory(), Arc::new(FixedClock::new()));
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let crashing = runtime();
    let queue = crashing.block_on(async { EventQueue::start(Arc::new(log(&store, &clock, 1))) });
    queue.emit(event("delivered", clock.now()));
    crashing.block_on(queue.flush());
    let gate = Gate::new();
    store.fail_next(Operation::Put, Fault::Hold(gate.clone()));
    queue.emit(event("on its way", clock.now()));
    crashing.block_on(gate.reached());
    queue.emit(event("waiting", clock.now()));
    drop(crashing);
    assert_eq!(runtime().block_on(names(&store, AuditSpan::default())), ["delivered"]);
}

#[tokio::test]
async fn a_damaged_line_is_told_and_passed_over() {
    let (store, clock) = (memory(), Arc::new(FixedClock::new()));
    log(&store, &clock, 1).deliver(&[event("ana", clock.now())]).await.unwrap();
    let path = BlobPath::parse("_log/2026/01/02/040000000000-1767323045000-0.jsonl").unwrap();
    let lines = "{\"time\":\"2026-01-02T04:00:00Z\",\"principal\":\"ben\"}\n{\"time\":";
    let _ = store.put(&path, lines.into(), When::Always).await.unwrap();
    let found: Vec<_> = read_audit_log(Arc::clone(&store) as _, AuditSpan::default()).collect().await;
    let told: Vec<String> = found
        .iter()
        .map(|found| {
            found.as_ref().map_or_else(ToString::to_string, |record| record.fields["principal"].to_string())
        })
        .collect();
    let damaged = format!("line 2 of {path} in the audit log is damaged");
    assert_eq!(told.len(), 3);
    assert!(
        told.contains(&damaged) && told.contains(&"\"ana\"".into()) && told.contains(&"\"ben\"".into()),
        "{told:?}"
    );
}
