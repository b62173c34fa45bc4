use std::collections::VecDeque;
use std::fmt;

use async_trait::async_trait;
use chrono::DateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::*;
use crate::events::EventKind;

/// What the sink does with the next batch that it is offered.
#[derive(Debug, Clone, Copy)]
enum Next {
    Fail,
    Panic,
}

/// Keeps what it takes, and when it was offered what. Takes a batch where nothing else is planned.
#[derive(Debug)]
struct Planned {
    plan: Mutex<VecDeque<Next>>,
    /// How many more offers are answered.
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
    Event {
        time: DateTime::UNIX_EPOCH,
        principal: Some(number.to_string()),
        trust: None,
        via: None,
        address: None,
        package: None,
        kind: EventKind::LoggedIn,
        access: None,
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
async fn a_batch_that_fails_is_offered_until_it_is_taken() {
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
async fn what_finds_no_room_is_lost_and_counted() {
    let sink = Planned::new([]);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 3);
    for number in 0..5 {
        queue.emit(event(number));
    }
    assert_eq!(queue.lost(), 2);
    queue.flush().await;
    queue.emit(event(5));
    queue.flush().await;
    assert_eq!(sink.taken(), names([0, 1, 2, 5]));
    assert_eq!(queue.clone().lost(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_losses_is_logged_once() {
    let log = crate::events::captured_log::CapturedLog::start();
    let sink = Planned::new([]);
    let queue = EventQueue::with_capacity(Arc::clone(&sink) as _, 2);
    for number in 0..10 {
        queue.emit(event(number));
    }
    let said = "ERROR events are being lost: planned does not take them fast enough";
    assert_eq!(log.take(), [format!("{said} sink=planned lost=1")]);
    queue.flush().await;
    for number in 0..10 {
        queue.emit(event(number));
    }
    assert_eq!(log.take(), [format!("{said} sink=planned lost=9")]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_what_came_before_it_and_for_nothing_later() {
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
async fn after_the_last_handle_what_is_waiting_is_delivered() {
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
}
