mod denials;
mod lanes;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, watch};

use super::{Event, EventError, EventSink};
use lanes::{Counts, Lanes};

/// How many changes may wait before writers do, and how many denials before more are lost, unless it is set.
const CAPACITY: usize = 16_384;
/// How many events a sink is offered at a time at most.
const BATCH: usize = 256;
/// The pause after the first failure of a batch. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For how long a writer waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes events off the request path: they wait here until the sink has taken them.
///
/// There are two lanes. What callers changed waits in one, in order, and **is never dropped**: where too much waits
/// because the sink does not take it, [`EventQueue::admit`] lets writers wait, and refuses them in the end. What callers
/// were denied waits in the other, after it was summed up: the first of a kind are told at once, the rest of a minute is
/// counted and told in one line ([`Event::count`]), so that a client without an account causes a bounded number of lines.
/// Where the sink does not take those either, they are lost, which is counted and logged, and no change waits for them.
///
/// A batch that the sink does not take is offered again until it does. Once the last clone is dropped, what is still
/// waiting is delivered, if the runtime lives that long: call [`EventQueue::flush`] before it ends.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::events::{Event, EventKind, EventQueue, LogEvents};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let queue = EventQueue::start(Arc::new(LogEvents));
/// let time = chrono::DateTime::UNIX_EPOCH;
/// queue.emit(Event { time, principal: None, trust: None, via: None, address: None, package: None, access: None, count: None, kind: EventKind::SignedUp });
/// queue.flush().await;
/// assert_eq!(queue.lost(), 0);
/// # });
/// ```
#[derive(Clone)]
pub struct EventQueue(Option<Arc<Handle>>);

/// What all clones share. It is here alone, so that the queue closes with the last clone.
struct Handle {
    shared: Arc<Shared>,
    delivered: watch::Receiver<Counts>,
}

/// What the clones and the delivery share.
struct Shared {
    sink: Arc<dyn EventSink>,
    lanes: Mutex<Lanes>,
    /// Tells the delivery that there is something to do.
    arrived: Notify,
}

impl EventQueue {
    /// Begins to deliver to `sink`, with room for 16,384 waiting events in each lane.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(sink: Arc<dyn EventSink>) -> Self {
        Self::with_capacity(sink, CAPACITY)
    }

    /// Begins to deliver to `sink`, with room for `capacity` waiting events in each lane, at least one.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn with_capacity(sink: Arc<dyn EventSink>, capacity: usize) -> Self {
        let (progress, delivered) = watch::channel(Counts::default());
        let shared =
            Arc::new(Shared { sink, lanes: Mutex::new(Lanes::new(capacity)), arrived: Notify::new() });
        tokio::spawn(deliver_all(Arc::clone(&shared), progress));
        Self(Some(Arc::new(Handle { shared, delivered })))
    }

    /// A queue without a sink: events go nowhere. Needs no runtime.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Leaves an event to be delivered. Never waits and never fails. A change is always taken; a denial may be counted
    /// instead, or lost where there is no room.
    pub fn emit(&self, event: Event) {
        let Some(handle) = &self.0 else {
            return;
        };
        let is_over = handle.delivered.has_changed().is_err();
        let shared = &handle.shared;
        let lost = shared.lanes().take(event, is_over);
        if let Some(lost) = lost {
            let sink = &shared.sink;
            tracing::error!(%sink, lost, "events are being lost: {sink} does not take them fast enough");
        }
        shared.arrived.notify_one();
    }

    /// Waits until there is room for what a writer is about to change, for a few seconds at most. Whether there is: where
    /// not, nothing should be changed, since it could not be told.
    pub async fn admit(&self) -> bool {
        let Some(handle) = &self.0 else { return true };
        let has_room = || handle.shared.lanes().has_room();
        if has_room() {
            return true;
        }
        let mut delivered = handle.delivered.clone();
        // An end of the queue is no room, and no reason to wait.
        tokio::time::timeout(PATIENCE, delivered.wait_for(|_| has_room()))
            .await
            .is_ok_and(|room| room.is_ok())
    }

    /// Tells now what is only counted so far, before the minute is over: for a process that is about to end.
    pub fn sum_up(&self) {
        if let Some(handle) = &self.0 {
            handle.shared.lanes().sum_up();
            handle.shared.arrived.notify_one();
        }
    }

    /// How many events were lost for want of room.
    pub fn lost(&self) -> u64 {
        self.0.as_ref().map_or(0, |handle| handle.shared.lanes().lost())
    }

    /// Waits until the sink has taken every event that was emitted before and not lost. A sink that never does
    /// keeps this waiting for ever, so put a time limit around it. Returns too when the runtime of the queue has
    /// ended, after which nothing is delivered. What is only counted so far is not waited for: see
    /// [`EventQueue::sum_up`].
    pub async fn flush(&self) {
        let Some(handle) = &self.0 else {
            return;
        };
        let accepted = handle.shared.lanes().accepted();
        let mut delivered = handle.delivered.clone();
        let _ended = delivered.wait_for(|delivered| delivered.reach(accepted)).await;
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lanes().close();
        self.shared.arrived.notify_one();
    }
}

async fn deliver_all(shared: Arc<Shared>, progress: watch::Sender<Counts>) {
    loop {
        let (batch, counts, has_ended, is_counting) = {
            let mut lanes = shared.lanes();
            let (batch, counts) = lanes.batch(BATCH);
            (batch, counts, lanes.is_closed(), lanes.is_counting())
        };
        if !batch.is_empty() {
            deliver(&*shared.sink, &batch).await;
            progress.send_modify(|delivered| delivered.add(counts));
        } else if has_ended {
            return;
        } else if is_counting {
            // Of events that nothing follows, too, the sum is told.
            let window = denials::WINDOW.to_std().unwrap_or_default();
            if tokio::time::timeout(window, shared.arrived.notified()).await.is_err() {
                shared.lanes().sum_up();
            }
        } else {
            shared.arrived.notified().await;
        }
    }
}

async fn deliver(sink: &dyn EventSink, batch: &[Event]) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = offer(sink, batch).await {
        let source = &*error.source;
        tracing::warn!(sink = %error.sink, events = batch.len(), source, ?pause, "{error}; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A sink that panics has failed; the events after this one still want to be delivered.
async fn offer(sink: &dyn EventSink, batch: &[Event]) -> Result<(), EventError> {
    let panicked = |_| EventError { sink: sink.to_string(), source: "the sink panicked".into() };
    AssertUnwindSafe(sink.deliver(batch)).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(panic)))
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("EventQueue");
        if let Some(handle) = &self.0 {
            debug.field("sink", &format_args!("{}", handle.shared.sink)).field("lost", &self.lost());
        }
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
