//! Delivers the change feed to sinks. How far a sink has come is in the store, with a lease, so that one replica at a
//! time delivers to it and any other goes on where it stopped.

mod cursor;
mod round;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{Mutex, watch};

use crate::Error;
use crate::events::EventError;
use crate::storage::{Key, Storage};

use super::entries::FeedEntry;
use super::feed::Feed;
use super::refusals::Refusal;
use super::{ChangeSink, DeliveredChange, DeliverySettings, Shared};
use cursor::Cursor;
use round::{Next, round};

/// How often a replica looks for changes that other replicas made.
const POLL: Duration = Duration::from_secs(5);

/// A sink of the feed and how to deliver to it.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The name under which the store remembers how far it has come.
    pub(crate) name: String,
    pub(crate) sink: Arc<dyn ChangeSink>,
    pub(crate) settings: DeliverySettings,
    /// One round at a time in this process.
    pub(crate) turn: Mutex<()>,
}

impl Delivery {
    pub(crate) fn new(name: String, sink: Arc<dyn ChangeSink>, settings: DeliverySettings) -> Self {
        Self { name, sink, settings, turn: Mutex::default() }
    }
}

/// How far the delivery of changes to a sink has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryState {
    /// The name of the sink.
    pub sink: String,
    /// The number of the last change of the feed that it has, that it refused, or that was given up.
    pub delivered: u64,
    /// How many changes it does not have yet.
    pub behind: u64,
    /// When the oldest change happened that it does not have yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_undelivered: Option<DateTime<Utc>>,
    /// Since when every attempt failed, and nothing is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// What the last attempt failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many changes were given up, or were removed from the feed before they were delivered.
    pub given_up: u64,
    /// The packages and organizations with a change that it refuses, while those of others are delivered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedChanges>,
}

/// A change that a sink refuses, and those that wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedChanges {
    /// The package or the organization.
    pub subject: String,
    /// Since when it is refused.
    pub since: DateTime<Utc>,
    /// How many changes wait, with the refused one.
    pub waiting: usize,
    /// What the last attempt failed with.
    pub error: String,
}

impl RefusedChanges {
    fn of((subject, refusal): (&str, &Refusal)) -> Self {
        Self {
            subject: subject.to_owned(),
            since: refusal.since(),
            waiting: refusal.waiting(),
            error: refusal.error().to_owned(),
        }
    }
}

/// Starts a task for each sink.
pub(super) fn start(shared: &Arc<Shared>, closed: &watch::Receiver<()>) {
    for number in 0..shared.deliveries.len() {
        let (shared, closed) = (Arc::clone(shared), closed.clone());
        tokio::spawn(async move { deliver_all(&shared, &shared.deliveries[number], closed).await });
    }
}

/// Delivers to each sink until it has all, or fails.
pub(super) async fn deliver_now(shared: &Shared) {
    let rounds = shared.deliveries.iter().map(|delivery| round(shared, delivery));
    for (delivery, outcome) in shared.deliveries.iter().zip(futures::future::join_all(rounds).await) {
        if let Err(error) = outcome {
            tracing::warn!(sink = %delivery.sink, %error, "cannot read or write how far a delivery has come");
        }
    }
}

/// Delivers to the sink of this name until it has all, or fails.
#[cfg(feature = "hooks")]
pub(super) async fn deliver_to(shared: &Shared, name: &str) {
    for delivery in shared.deliveries.iter().filter(|delivery| delivery.name == name) {
        if let Err(error) = round(shared, delivery).await {
            tracing::warn!(sink = %delivery.sink, %error, "cannot read or write how far a delivery has come");
        }
    }
}

/// Gives changes that are not in the feed to each sink, and does not remember that. Returns who did not accept which:
/// the name of the sink, and the id of the change.
pub(super) async fn send_beside_feed(
    shared: &Shared,
    changes: &[DeliveredChange],
) -> Vec<(String, String, EventError)> {
    let sent = shared.deliveries.iter().map(|delivery| send_to(delivery, changes));
    futures::future::join_all(sent).await.into_iter().flatten().collect()
}

async fn send_to(delivery: &Delivery, changes: &[DeliveredChange]) -> Vec<(String, String, EventError)> {
    let mut failures = Vec::new();
    for batch in changes.chunks(delivery.settings.batch.max(1)) {
        if deliver_within_timeout(delivery, batch).await.is_ok() {
            continue;
        }
        // One by one, so that a change that a sink cannot take does not hold up the others.
        for change in batch {
            if let Err(error) = deliver_within_timeout(delivery, std::slice::from_ref(change)).await {
                failures.push((delivery.name.clone(), change.id.clone(), error));
            }
        }
    }
    failures
}

pub(super) async fn states(shared: &Shared) -> Result<Vec<DeliveryState>, Error> {
    let mut states = Vec::with_capacity(shared.deliveries.len());
    for delivery in &shared.deliveries {
        let cursor = Cursor::read(shared, &delivery.name).await?;
        states.push(state(&shared.feed, delivery.name.clone(), cursor).await?);
    }
    Ok(states)
}

/// Returns how far the deliveries to sinks of these names have come, of those that the store knows. Delivers nothing.
pub(crate) async fn stored_states(
    store: &Arc<Storage>,
    sinks: &[String],
) -> Result<Vec<DeliveryState>, Error> {
    let feed = Feed::new(Arc::clone(store));
    let mut states = Vec::with_capacity(sinks.len());
    for name in sinks {
        if let Some(cursor) = Cursor::read_stored(store, name).await? {
            states.push(state(&feed, name.clone(), cursor).await?);
        }
    }
    Ok(states)
}

async fn state(feed: &Feed, sink: String, cursor: Cursor) -> Result<DeliveryState, Error> {
    let position = feed.read_head().await?.head.position();
    let refused: Vec<_> = cursor.refusals.iter().map(RefusedChanges::of).collect();
    let oldest = cursor.refusals.iter().filter_map(|(_, refusal)| refusal.first()).min();
    let oldest = feed.page(oldest.map_or(cursor.delivered, |oldest| oldest - 1), 1).await?.entries;
    let last_refused = refused.iter().max_by_key(|refused| refused.since);
    let error = cursor.failing.as_ref().map(|failing| failing.error.clone());
    Ok(DeliveryState {
        sink,
        behind: position.saturating_sub(cursor.delivered) + cursor.refusals.waiting() as u64,
        delivered: cursor.delivered,
        oldest_undelivered: oldest.first().and_then(FeedEntry::time),
        failing_since: cursor.failing.as_ref().map(|failing| failing.schedule.since),
        error: error.or_else(|| last_refused.map(|refused| refused.error.clone())),
        given_up: cursor.given_up,
        refused,
    })
}

async fn deliver_all(shared: &Shared, delivery: &Delivery, mut closed: watch::Receiver<()>) {
    let mut positions = shared.progress.positions();
    loop {
        let next = round(shared, delivery).await.unwrap_or_else(|error| {
            tracing::warn!(sink = %delivery.sink, %error, "cannot read or write how far a delivery has come");
            Next::Changes(None)
        });
        let (pause, waits_for_changes) = match next {
            Next::Changes(until_refused) => (until_refused.map_or(POLL, |until| until.min(POLL)), true),
            Next::Turn(pause) => (pause, false),
        };
        tokio::select! {
            _ = closed.changed() => return,
            () = tokio::time::sleep(pause) => {}
            _ = positions.changed(), if waits_for_changes => {}
        }
    }
}

async fn deliver_within_timeout(delivery: &Delivery, changes: &[DeliveredChange]) -> Result<(), EventError> {
    let failed = |source: String| EventError { sink: delivery.sink.to_string(), source: source.into() };
    let seconds = delivery.settings.timeout.as_secs();
    match tokio::time::timeout(delivery.settings.timeout, delivery.sink.deliver(changes)).await {
        Ok(delivered) => delivered,
        Err(_) => Err(failed(format!("no answer within {seconds} seconds"))),
    }
}

/// The path of the state of a delivery.
fn path_of(name: &str) -> Result<crate::storage::BlobPath, Error> {
    Ok(Key::Delivery(name).path()?)
}
