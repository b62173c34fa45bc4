//! Changes that no crash loses: outboxes, the change feed, and its delivery to sinks.
//!
//! A commit that changes a package or an organization contains its events, in the outbox of the document. A marker
//! beside it lets any replica find the outbox if this one crashes. From there they move into the change feed, a list in
//! the store that has the same order and numbers for all replicas, and from the feed to each [`ChangeSink`].
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::auth::{Caller, Principal};
//! use registry_core::changes::ChangeFeedSettings;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let store = Arc::new(ObjectStoreBlobs::in_memory());
//! let registry =
//!     Registry::builder(store).open_to_everyone().change_feed(ChangeFeedSettings::default()).build();
//! let page = registry.changes(&Caller::from(Principal::user("ana")), 0, 100).await?;
//! assert_eq!((page.changes.len(), page.last_seq), (0, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod delivery;
mod document;
mod entries;
mod feed;
mod head;
pub(crate) mod lease;
mod marker;
mod page;
mod recover;
pub(crate) mod refusals;
mod relay;
mod settings;
mod sink;
#[cfg(feature = "webhooks")]
pub mod sinks;
#[cfg(any(feature = "settings", feature = "sns"))]
mod topic_arn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, mpsc, watch};

use crate::Error;
use crate::clock::Clock;
use crate::domain::OutboxEntry;
use crate::events::{Event, EventError, EventQueue, RecentIds};
use crate::randomness::{Randomness, random_bytes};
use crate::storage::{Storage, When};

pub use delivery::{DeliveryState, RefusedChanges};
pub use page::{Change, ChangePage};
pub use settings::{ChangeFeedSettings, DeliverySettings};
pub use sink::{ChangeRefused, ChangeSink, DeliveredChange, NeverAccepted};
#[cfg(any(feature = "settings", feature = "sns"))]
pub use topic_arn::{TopicArn, TopicArnError};

pub(crate) use delivery::{Delivery, stored_states};
pub(crate) use document::ChangedDocument;
pub(crate) use entries::outbox_bytes;
pub(crate) use marker::OutboxMarker;

use entries::outbox_entries;
use feed::Feed;
use marker::MarkerContent;
use relay::Progress;

/// From how many events on an outbox is compared with the change feed.
pub(crate) const LARGE_OUTBOX: usize = 8;

/// The change feed of a registry, and the way of events into it. Cheap to clone. Without a feed, it does nothing.
#[derive(Clone, Default)]
pub(crate) struct Changes(Option<Arc<Handle>>);

/// Shared by the clones and held by nothing else, so that the tasks end with the last clone.
struct Handle {
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<CommittedChanges>,
    /// Closes when the handle is dropped.
    _open: watch::Sender<()>,
}

/// Shared by the handle and the tasks.
struct Shared {
    store: Arc<Storage>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    events: EventQueue,
    feed: Feed,
    settings: ChangeFeedSettings,
    relayed: RecentIds,
    progress: Progress,
    /// Where the feed ended when this process first looked, before any commit of it.
    begun_at: OnceCell<u64>,
    deliveries: Vec<Delivery>,
    /// Whether streams of changes are to end.
    streams_end: watch::Sender<bool>,
    /// Whether deliveries are to end after what they are sending.
    deliveries_end: AtomicBool,
}

/// What the feed works with.
pub(crate) struct ChangesContext {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) events: EventQueue,
}

impl ChangesContext {
    pub(crate) fn new(
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        randomness: &Arc<dyn Randomness>,
        events: &EventQueue,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            randomness: Arc::clone(randomness),
            events: events.clone(),
        }
    }
}

/// What a commit leaves to the relay.
#[derive(Debug)]
pub(crate) struct CommittedChanges {
    pub(crate) document: ChangedDocument,
    /// Empty if nothing was committed.
    pub(crate) events: Vec<Event>,
    /// The outbox that the commit stored.
    pub(crate) outbox: Vec<OutboxEntry>,
    /// The markers of the commit and of its failed attempts.
    pub(crate) markers: Vec<OutboxMarker>,
}

impl Changes {
    /// Starts the feed, and delivery to sinks; without settings, there is none.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, if there is a feed.
    pub(crate) fn start(
        context: ChangesContext,
        settings: Option<ChangeFeedSettings>,
        deliveries: Vec<Delivery>,
    ) -> Self {
        let Some(settings) = settings else { return Self::default() };
        let ChangesContext { store, clock, randomness, events } = context;
        let shared = Arc::new(Shared {
            feed: Feed::new(Arc::clone(&store)),
            store,
            clock,
            randomness,
            events,
            settings,
            relayed: RecentIds::default(),
            progress: Progress::default(),
            begun_at: OnceCell::new(),
            deliveries,
            streams_end: watch::Sender::new(false),
            deliveries_end: AtomicBool::new(false),
        });
        let (queue, queued) = mpsc::unbounded_channel();
        let (open, closed) = watch::channel(());
        relay::start(&shared, queued, closed.clone());
        recover::start(&shared, closed.clone());
        delivery::start(&shared, &closed);
        Self(Some(Arc::new(Handle { shared, queue, _open: open })))
    }

    fn shared(&self) -> Option<&Arc<Shared>> {
        self.0.as_ref().map(|handle| &handle.shared)
    }

    /// Returns a number that the feed had reached before the commit to come; `None` without a feed.
    pub(crate) async fn position(&self) -> Result<Option<u64>, Error> {
        let Some(shared) = self.shared() else { return Ok(None) };
        shared.begun_at().await?;
        Ok(Some(shared.feed.known_position().await?))
    }

    /// Whether the feed has the event, as far as this process knows.
    fn has_relayed(&self, id: &str) -> bool {
        self.shared().is_some_and(|shared| shared.relayed.contains(id))
    }

    /// Finds out which events of an outbox the feed has. Returns whether [`Self::enter`] lets more of them leave now.
    pub(crate) async fn look_up_relayed(&self, outbox: &[OutboxEntry]) -> Result<bool, Error> {
        let Some(shared) = self.shared() else { return Ok(false) };
        let unknown = |id: &str| outbox.iter().any(|entry| entry.id == id) && !shared.relayed.contains(id);
        let after = outbox.iter().map(|entry| entry.after).min().unwrap_or_default();
        let found = shared.feed.find(after, &unknown).await?;
        shared.relayed.extend(found.iter().map(|entry| entry.id.as_str()));
        Ok(!found.is_empty())
    }

    /// Gives the events of a commit to come their ids, and enters them into the outbox of its document. Entries that the
    /// feed has leave. `commit` is random, and `after` is a [`Self::position`] from before the commit.
    pub(crate) fn enter(
        &self,
        outbox: &mut Vec<OutboxEntry>,
        events: &mut [Event],
        commit: [u8; 16],
        after: u64,
    ) -> Result<(), Error> {
        outbox.retain(|entry| !self.has_relayed(&entry.id));
        outbox.extend(outbox_entries(events, commit, after)?);
        Ok(())
    }

    /// Writes the marker of a commit to come, whose `events` are at the end of `outbox`; `None` if there are none.
    pub(crate) async fn mark(
        &self,
        document: &ChangedDocument,
        events: &[Event],
        outbox: &[OutboxEntry],
    ) -> Result<Option<OutboxMarker>, Error> {
        let Some(shared) = self.shared() else { return Ok(None) };
        let Some(id) = events.first().and_then(|event| event.id.as_deref()) else { return Ok(None) };
        let after = outbox.last().map(|entry| entry.after).unwrap_or_default();
        let marker = OutboxMarker::new(document, shared.clock.now().timestamp_millis(), id)?;
        let content = serde_json::to_vec(&MarkerContent { after }).map_err(Error::internal)?;
        shared.progress.began(&marker);
        let stored = shared.store.put(&marker.path, content.into(), When::Always).await;
        if let Err(error) = stored {
            shared.progress.ended(&marker);
            return Err(error.into());
        }
        Ok(Some(marker))
    }

    /// Emits the events of a commit to the sinks of this process, and hands it over to the relay. Where nothing was
    /// committed, its markers are left to the recovery: one of its attempts may be stored nevertheless.
    pub(crate) fn committed(&self, queue: &EventQueue, mut committed: CommittedChanges) {
        if committed.events.is_empty() {
            return self.abandon(&committed.markers);
        }
        for event in std::mem::take(&mut committed.events) {
            queue.emit(event);
        }
        let Some(handle) = &self.0 else { return };
        handle.shared.progress.accepted();
        if handle.queue.send(committed).is_err() {
            handle.shared.progress.done(1);
            tracing::warn!("the relay has ended: another process delivers the events of a change");
        }
    }

    /// Deletes the markers of a commit that was never attempted.
    pub(crate) async fn withdraw(&self, markers: Vec<OutboxMarker>) {
        if let Some(shared) = self.shared() {
            shared.delete(markers.into_iter().map(|marker| marker.path).collect()).await;
        }
    }

    /// Leaves the markers of a commit that failed to the recovery: one of its attempts may be stored nevertheless.
    pub(crate) fn abandon(&self, markers: &[OutboxMarker]) {
        if let Some(shared) = self.shared() {
            for marker in markers {
                shared.progress.ended(marker);
            }
        }
    }

    /// Waits until the feed and the local sinks have the events of all commits of this process.
    pub(crate) async fn flush(&self) {
        if let Some(shared) = self.shared() {
            shared.progress.wait().await;
        }
    }

    /// Moves events that other processes left behind into the feed, and removes old changes from it.
    pub(crate) async fn recover(&self) -> Result<usize, Error> {
        let Some(shared) = self.shared() else { return Ok(0) };
        shared.recover().await
    }

    /// Delivers changes to the sinks until each has all, or fails.
    pub(crate) async fn deliver(&self) {
        if let Some(shared) = self.shared() {
            delivery::deliver_now(shared).await;
        }
    }

    /// Returns how many commits of this process wait for the feed.
    pub(crate) fn waiting(&self) -> u64 {
        self.shared().map_or(0, |shared| shared.progress.waiting())
    }

    /// Delivers changes to the sink of this name until it has all, or fails.
    #[cfg(feature = "hooks")]
    pub(crate) async fn deliver_to(&self, name: &str) {
        if let Some(shared) = self.shared() {
            delivery::deliver_to(shared, name).await;
        }
    }

    /// Gives changes to each sink that are not in the feed, and are not appended to it. Returns who did not accept which:
    /// the name of the sink, and the id of the change.
    pub(crate) async fn send_beside_feed(
        &self,
        changes: &[DeliveredChange],
    ) -> Vec<(String, String, EventError)> {
        let Some(shared) = self.shared() else { return Vec::new() };
        delivery::send_beside_feed(shared, changes).await
    }

    /// Ends the deliveries of this process, each after what it is sending, so that other replicas can go on at once.
    pub(crate) async fn stop_deliveries(&self) {
        let Some(shared) = self.shared() else { return };
        shared.deliveries_end.store(true, Ordering::Relaxed);
        for delivery in &shared.deliveries {
            drop(delivery.turn.lock().await);
        }
    }

    /// Returns how far the delivery to each sink has come.
    pub(crate) async fn delivery_states(&self) -> Result<Vec<DeliveryState>, Error> {
        let Some(shared) = self.shared() else { return Ok(Vec::new()) };
        delivery::states(shared).await
    }
}

impl Shared {
    async fn begun_at(&self) -> Result<u64, Error> {
        let begun = self.begun_at.get_or_try_init(|| self.feed.known_position()).await?;
        Ok(*begun)
    }

    /// Returns a random id.
    fn new_id(&self) -> String {
        const_hex::encode(random_bytes::<16>(&*self.randomness))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn deliveries_end(&self) -> bool {
        self.deliveries_end.load(Ordering::Relaxed)
    }
}
