use std::collections::VecDeque;
use std::fmt;

use async_trait::async_trait;
use chrono::DateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::accounts::tokens::{NewToken, TokenHolder};
use crate::auth::{Caller, Principal, TokenLimits};
use crate::domain::{DistTag, PackageName, Version};
use crate::error::PackageError;
use crate::events::{DeniedBy, EventKind};
use crate::storage::ObjectStoreBlobs;
use crate::vocabulary::Action;
use crate::{Body, Error, Registry};

use super::*;

/// What the sink does with the next batch.
#[derive(Debug, Clone, Copy)]
enum Next {
    Fail,
    Panic,
}

/// Stores the accepted events, and the time and size of each delivery. Accepts a batch if nothing else is planned.
#[derive(Debug)]
struct Planned {
    plan: Mutex<VecDeque<Next>>,
    /// How many more deliveries are answered.
    turns: Semaphore,
    offers: Mutex<Vec<(Instant, usize)>>,
    taken: Mutex<Vec<String>>,
}

impl Planned {
    fn new(plan: impl IntoIterator<Item = Next>) -> Arc<Self> {
        Arc::new(Self {
            plan: Mutex::new(plan.into_iter().collect()),
            turns: Semaphore::new(1_000),
            offers: Mutex::default(),
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    fn sizes(&self) -> Vec<usize> {
        self.offers.lock().unwrap().iter().map(|(_, size)| *size).collect()
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("planned")
    }
}

#[async_trait]
impl EventSink for Planned {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        self.offers.lock().unwrap().push((Instant::now(), events.len()));
        self.turns.acquire().await.unwrap().forget();
        let next = self.plan.lock().unwrap().pop_front();
        match next {
            Some(Next::Fail) => Err(EventError { sink: "planned".into(), source: "as planned".into() }),
            Some(Next::Panic) => panic!("as planned"),
            None => {
                let names = events.iter().filter_map(|event| event.principal.clone());
                self.taken.lock().unwrap().extend(names);
                Ok(())
            }
        }
    }
}

fn event(number: usize) -> Event {
    Event { principal: Some(number.to_string()), ..Event::new(DateTime::UNIX_EPOCH, EventKind::LoggedIn) }
}

/// A denial of an anonymous caller, each for another package.
fn denied(number: usize) -> Event {
    Event {
        package: Some(format!("hidden-{number}").parse().unwrap()),
        kind: EventKind::Denied { action: Action::Read.into(), by: DeniedBy::Rules },
        ..event(number)
    }
}

fn names(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn events_arrive_in_order_and_in_batches() {
    let sink = Planned::new([]);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    for number in 0..600 {
        queue.emit(event(number));
    }
    queue.flush().await;
    assert_eq!(sink.taken(), names(0..600));
    assert_eq!(sink.sizes(), [256, 256, 88]);
    assert_eq!(queue.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_retried_until_accepted() {
    let sink = Planned::new([Next::Fail, Next::Panic].into_iter().chain([Next::Fail; 9]));
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    queue.emit(event(1));
    tokio::task::yield_now().await;
    queue.emit(event(2));
    queue.flush().await;
    assert_eq!(sink.taken(), names([1, 2]));
    let offers = sink.offers.lock().unwrap();
    let pauses: Vec<u128> =
        offers.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0).as_millis()).collect();
    assert_eq!(
        pauses,
        [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 0],
        "each pause twice the one before, up to half a minute; then the next batch"
    );
    assert!(offers.iter().all(|(_, size)| *size == 1), "a batch that comes again is the same one");
}

#[tokio::test(start_paused = true)]
async fn without_room_denials_are_dropped_and_counted_and_changes_are_not() {
    let sink = Planned::new([]);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 3);
    for number in 0..5 {
        queue.emit(denied(number));
    }
    for number in 5..50 {
        queue.emit(event(number));
    }
    assert_eq!(queue.lost(), 2);
    queue.flush().await;
    queue.emit(denied(50));
    queue.flush().await;
    assert_eq!(sink.taken(), names((0..3).chain(5..51)));
    assert_eq!(queue.clone().lost(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_losses_is_logged_once() {
    let log = crate::events::captured_log::CapturedLog::start();
    let sink = Planned::new([]);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 2);
    for number in 0..10 {
        queue.emit(denied(number));
    }
    let said = "ERROR events are being lost: planned does not accept them fast enough";
    assert_eq!(log.take(), [format!("{said} sink=planned lost=1")]);
    queue.flush().await;
    for number in 10..20 {
        queue.emit(denied(number));
    }
    assert_eq!(log.take(), [format!("{said} sink=planned lost=9")]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_denials_is_aggregated_and_displaces_no_change() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    for number in 0..300_000 {
        queue.emit(Event { address: Some([192, 0, 2, 1].into()), principal: None, ..denied(number) });
        if number % 1_000 == 0 {
            queue.emit(event(number));
        }
    }
    assert_eq!(queue.lost(), 0);
    sink.turns.add_permits(1_000);
    queue.sum_up();
    queue.flush().await;
    assert_eq!(sink.taken(), names((0..300_000).step_by(1_000)), "each change, in order");
    let lines: usize = sink.sizes().iter().sum();
    assert_eq!(lines, 300 + 100 + 1, "of the denials a hundred, and their sum");
}

#[tokio::test(start_paused = true)]
async fn counts_are_emitted_after_a_minute_without_further_events() {
    let sink = Planned::new([]);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    for _ in 0..30 {
        queue.emit(denied(1));
    }
    queue.flush().await;
    assert_eq!(sink.taken().len(), 10);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(sink.taken().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn writers_wait_while_changes_pile_up_and_are_finally_rejected() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 2);
    assert!(queue.admit().await);
    queue.emit(event(0));
    tokio::task::yield_now().await;
    // The first is on its way to the sink; these two wait.
    queue.emit(event(1));
    queue.emit(event(2));
    let began = Instant::now();
    assert!(!queue.admit().await, "the sink takes nothing");
    assert_eq!(began.elapsed(), PATIENCE);
    let waiting = queue.clone();
    let writer = tokio::spawn(async move { waiting.admit().await });
    tokio::task::yield_now().await;
    sink.turns.add_permits(1_000);
    assert!(writer.await.unwrap());
    queue.flush().await;
    assert_eq!(sink.taken(), names(0..3));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_event_has_no_room_is_rejected() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let registry = Registry::builder(store).open_to_everyone().event_sink(Arc::clone(&sink) as _).build();
    let new_token = || NewToken {
        holder: TokenHolder::Principal { principal: Principal::user("ana") },
        name: None,
        description: None,
        limits: TokenLimits::default(),
    };
    let ana = Caller::from(Principal::user("ana"));
    let pear: PackageName = "pear".parse().unwrap();
    let latest: Version = "1.0.0".parse().unwrap();
    let tag = || registry.set_dist_tag(&ana, &pear, DistTag::latest(), latest.clone());
    let ask = |method: &str, path: &str| {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json").body(Body::from("{}")).unwrap();
        registry.handle(request)
    };
    for number in 0..CAPACITY {
        registry.authorization().events().emit(event(number));
    }
    // The delivery task takes one batch, and no more.
    tokio::task::yield_now().await;
    for number in 0..BATCH {
        registry.authorization().events().emit(event(number));
    }
    assert!(matches!(registry.issue_token(new_token()).await, Err(Error::EventsBehind)));
    assert!(matches!(tag().await, Err(Error::EventsBehind)));
    // Including operations that emit no event at once.
    assert_eq!(ask("POST", "/-/v1/login").await.status(), 503);
    assert_eq!(ask("GET", "/pear").await.status(), 404, "reads go on");
    sink.turns.add_permits(1_000);
    registry.issue_token(new_token()).await.unwrap();
    assert!(matches!(tag().await, Err(Error::Package(PackageError::NotFound(_)))));
    assert_eq!(ask("POST", "/-/v1/login").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn denials_take_a_quarter_of_a_batch_while_changes_are_waiting() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    queue.emit(event(0));
    tokio::task::yield_now().await;
    for number in 0..BATCH {
        let address = Some([192, 0, 2, u8::try_from(number).unwrap()].into());
        queue.emit(Event { address, principal: None, ..denied(number) });
    }
    for number in 0..BATCH {
        queue.emit(event(number));
    }
    // The first event, and a batch of both.
    sink.turns.add_permits(2);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.taken().len(), 1 + BATCH * 3 / 4);
}

#[tokio::test(start_paused = true)]
async fn counts_are_delivered_after_the_last_handle_is_dropped() {
    let sink = Planned::new([]);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    for _ in 0..30 {
        queue.emit(denied(1));
    }
    drop(queue);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.taken().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_only_for_earlier_events() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    queue.flush().await;
    queue.emit(event(1));
    let waiting = timeout(Duration::from_mins(1), queue.flush()).await;
    assert!(waiting.is_err(), "the sink has not taken the event yet");
    let early = queue.flush();
    tokio::pin!(early);
    assert!((&mut early).now_or_never().is_none());
    queue.emit(event(2));
    sink.turns.add_permits(1);
    early.await;
    assert_eq!(sink.taken(), names([1]));
}

#[tokio::test(start_paused = true)]
async fn waiting_events_are_delivered_after_the_last_handle_is_dropped() {
    let sink = Planned::new([Next::Fail]);
    let queue = EventQueue::start(Arc::clone(&sink) as _);
    queue.clone().emit(event(1));
    queue.emit(event(2));
    drop(queue);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.taken(), names([1, 2]));
    assert_eq!(Arc::strong_count(&sink), 1, "the task has ended");
}

#[test]
fn a_disabled_queue_needs_no_runtime() {
    let queue = EventQueue::disabled();
    queue.emit(event(1));
    assert!(queue.flush().now_or_never().is_some());
    assert_eq!(queue.lost(), 0);
}

#[test]
fn once_the_runtime_has_ended_a_flush_returns() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let queue = runtime.block_on(async { EventQueue::start(Planned::new([])) });
    queue.emit(event(1));
    drop(runtime);
    assert!(queue.flush().now_or_never().is_some());
    queue.emit(event(2));
    assert_eq!(queue.lost(), 1);
    assert!(queue.admit().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_until_the_sink_accepts_it() {
    let sink = Planned::new([]);
    sink.turns.forget_permits(1_000);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 2);
    assert_eq!(EventQueue::disabled().measurements(), EventMeasurements::default());
    for _ in 0..3 {
        queue.emit(Event::new(DateTime::UNIX_EPOCH, EventKind::SignedUp));
    }
    // The first batch is with the sink.
    tokio::task::yield_now().await;
    assert_eq!(queue.measurements(), EventMeasurements::new(3, 0, 0, 2));
    sink.turns.add_permits(10);
    queue.flush().await;
    assert_eq!(queue.measurements(), EventMeasurements::new(0, 0, 0, 2));
}
