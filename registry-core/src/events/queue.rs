use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::{Event, EventError, EventSink};

/// How many events are waiting at most, unless it is set.
const CAPACITY: usize = 16_384;
/// How many events a sink is offered at a time at most.
const BATCH: usize = 256;
/// The pause after the first failure of a batch. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Takes events off the request path: they wait here, bounded, until the sink has taken them.
///
/// A batch that the sink does not take is offered again until it does. When more events are waiting than the
/// capacity allows, new ones are lost, which is counted and logged. Once the last clone is dropped, what is
/// still waiting is delivered, if the runtime lives that long: call [`EventQueue::flush`] before it ends.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::events::{Event, EventKind, EventQueue, LogEvents};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let queue = EventQueue::start(Arc::new(LogEvents));
/// let time = chrono::DateTime::UNIX_EPOCH;
/// queue.emit(Event { time, principal: None, trust: None, via: None, address: None, package: None, access: None, kind: EventKind::SignedUp });
/// queue.flush().await;
/// assert_eq!(queue.lost(), 0);
/// # });
/// ```
#[derive(Clone)]
pub struct EventQueue(Option<Arc<Handle>>);

/// What all clones share. The sender is here alone, so that the queue closes with the last clone.
struct Handle {
    sink: Arc<dyn EventSink>,
    entrance: Mutex<Entrance>,
    lost: AtomicU64,
    delivered: watch::Receiver<u64>,
}

/// Where events come in, one at a time, so that `accepted` counts them in the order in which they are waiting.
struct Entrance {
    sender: mpsc::Sender<Event>,
    accepted: u64,
    losing: bool,
}

impl EventQueue {
    /// Begins to deliver to `sink`, with room for 16,384 waiting events.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(sink: Arc<dyn EventSink>) -> Self {
        Self::with_capacity(sink, CAPACITY)
    }

    /// Begins to deliver to `sink`, with room for `capacity` waiting events, at least one.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn with_capacity(sink: Arc<dyn EventSink>, capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let (progress, delivered) = watch::channel(0);
        tokio::spawn(deliver_all(Arc::clone(&sink), receiver, progress));
        let entrance = Mutex::new(Entrance { sender, accepted: 0, losing: false });
        Self(Some(Arc::new(Handle { sink, entrance, lost: AtomicU64::new(0), delivered })))
    }

    /// A queue without a sink: events go nowhere. Needs no runtime.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Leaves an event to be delivered. Never waits and never fails: where there is no room, the event is lost.
    pub fn emit(&self, event: Event) {
        let Some(handle) = &self.0 else {
            return;
        };
        let mut entrance = handle.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        match entrance.sender.try_send(event) {
            Ok(()) => {
                entrance.accepted += 1;
                // Half empty, so that a queue that is full now and then is one burst and not many.
                entrance.losing &= entrance.sender.capacity() < entrance.sender.max_capacity() / 2;
            }
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                let lost = handle.lost.fetch_add(1, Ordering::Relaxed) + 1;
                if !std::mem::replace(&mut entrance.losing, true) {
                    let sink = &handle.sink;
                    tracing::error!(%sink, lost, "events are being lost: {sink} does not take them fast enough");
                }
            }
        }
    }

    /// How many events were lost for want of room.
    pub fn lost(&self) -> u64 {
        self.0.as_ref().map_or(0, |handle| handle.lost.load(Ordering::Relaxed))
    }

    /// Waits until the sink has taken every event that was emitted before and not lost. A sink that never does
    /// keeps this waiting for ever, so put a time limit around it. Returns too when the runtime of the queue has
    /// ended, after which nothing is delivered.
    pub async fn flush(&self) {
        let Some(handle) = &self.0 else {
            return;
        };
        let accepted = handle.entrance.lock().unwrap_or_else(PoisonError::into_inner).accepted;
        let mut delivered = handle.delivered.clone();
        let _ended = delivered.wait_for(|delivered| *delivered >= accepted).await;
    }
}

async fn deliver_all(
    sink: Arc<dyn EventSink>,
    mut events: mpsc::Receiver<Event>,
    progress: watch::Sender<u64>,
) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        deliver(&*sink, &batch).await;
        progress.send_modify(|delivered| *delivered += batch.len() as u64);
        batch.clear();
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
            debug.field("sink", &format_args!("{}", handle.sink)).field("lost", &self.lost());
        }
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
