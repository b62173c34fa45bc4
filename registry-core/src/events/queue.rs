mod denials;
mod lanes;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, watch};

use super::{Event, EventError, EventSink};
use crate::concurrency::RetryPauses;
use crate::measurements::EventMeasurements;
use lanes::{Counts, Lanes};

/// How many changes may wait before writers do, and how many denials before further ones are lost, by default.
const CAPACITY: usize = 16_384;
/// The most events in a batch.
const BATCH: usize = 256;
/// How long a writer waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Moves events off the request path: they wait here until the sink accepts them.
///
/// There are two lanes. Changes wait in one, in order, and **are never dropped**: when the lane is full because the
/// sink does not keep up, writers wait, and are finally rejected. Denials wait in the
/// other, aggregated: the first of a kind are emitted at once, the rest of a minute is counted and emitted as one
/// event ([`Event::count`]), so that a client without an account causes a bounded number of events. When that lane is
/// full, denials are dropped, counted and logged, and do not delay changes.
///
/// A batch that fails is delivered again until the sink accepts it. After the last clone is dropped, waiting events
/// are delivered if the runtime lives that long: call [`EventQueue::flush`] before it ends.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::events::{Event, EventKind, EventQueue, LogEvents};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let queue = EventQueue::start(Arc::new(LogEvents));
/// queue.emit(Event::new(chrono::DateTime::UNIX_EPOCH, EventKind::SignedUp));
/// queue.flush().await;
/// assert_eq!(queue.lost(), 0);
/// # });
/// ```
#[derive(Clone)]
pub struct EventQueue(Option<Arc<Handle>>);

/// Shared by all clones, and held by nothing else, so that the queue closes with the last clone.
struct Handle {
    shared: Arc<Shared>,
    delivered: watch::Receiver<Counts>,
}

/// Shared by the clones and the delivery task.
struct Shared {
    sink: Arc<dyn EventSink>,
    lanes: Mutex<Lanes>,
    /// Wakes the delivery task.
    arrived: Notify,
}

impl EventQueue {
    /// Starts delivery to `sink`, with room for 16,384 waiting events in each lane.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(sink: Arc<dyn EventSink>) -> Self {
        Self::with_capacity(sink, CAPACITY)
    }

    /// Starts delivery to `sink`, with room for `capacity` waiting events in each lane, at least one.
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

    /// Returns a queue that discards events. Needs no runtime.
    pub(crate) fn disabled() -> Self {
        Self(None)
    }

    /// Emits an event. Never blocks and never fails. A change is always accepted; a denial may be counted instead, or
    /// dropped if there is no room.
    pub fn emit(&self, event: Event) {
        let Some(handle) = &self.0 else {
            return;
        };
        let is_over = handle.delivered.has_changed().is_err();
        let shared = &handle.shared;
        let lost = shared.lanes().take(event, is_over);
        if let Some(lost) = lost {
            let sink = &shared.sink;
            tracing::error!(%sink, lost, "events are being lost: {sink} does not accept them fast enough");
        }
        shared.arrived.notify_one();
    }

    /// Waits, for a few seconds at most, until there is room for the events of a change. Returns `false` if there is
    /// none: the change must then be rejected, since its event could be lost.
    pub(crate) async fn admit(&self) -> bool {
        let Some(handle) = &self.0 else { return true };
        let has_room = || handle.shared.lanes().has_room();
        if has_room() {
            return true;
        }
        let mut delivered = handle.delivered.clone();
        // A closed queue has no room, and waiting does not help.
        tokio::time::timeout(PATIENCE, delivered.wait_for(|_| has_room()))
            .await
            .is_ok_and(|room| room.is_ok())
    }

    /// Emits the current counts before the minute is over: for a process that is about to end.
    pub(crate) fn sum_up(&self) {
        if let Some(handle) = &self.0 {
            handle.shared.lanes().sum_up();
            handle.shared.arrived.notify_one();
        }
    }

    /// Returns the number of dropped events.
    pub fn lost(&self) -> u64 {
        self.0.as_ref().map_or(0, |handle| handle.shared.lanes().lost())
    }

    /// Returns what waits and what was lost.
    pub(crate) fn measurements(&self) -> EventMeasurements {
        let Some(handle) = &self.0 else { return EventMeasurements::default() };
        // Read before the lanes, so that no event is delivered that was not accepted.
        let delivered = *handle.delivered.borrow();
        handle.shared.lanes().measurements(delivered)
    }

    /// Waits until the sink has accepted every event emitted before and not dropped. If the sink never does, this
    /// never returns, so use a timeout. Returns early when the runtime of the queue has ended, after which nothing is
    /// delivered. Does not wait for counts that are not emitted yet: see [`Registry::sum_up_events`](crate::Registry::sum_up_events).
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
            // Emits the counts even if no further event arrives.
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
    let mut pauses = RetryPauses::default();
    while let Err(error) = offer(sink, batch).await {
        let (source, pause) = (&*error.source, pauses.next_pause());
        tracing::warn!(sink = %error.sink, events = batch.len(), source, ?pause, "{error}; trying again");
        tokio::time::sleep(pause).await;
    }
}

/// Treats a panic of the sink as a failure, so that later events are still delivered.
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
