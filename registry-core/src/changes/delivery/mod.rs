//! Delivers the change feed to sinks. How far a sink has come is in the store, with a lease, so that one replica at a
//! time delivers to it and any other goes on where it stopped.

mod cursor;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{Mutex, watch};

use crate::Error;
use crate::events::EventError;
use crate::storage::Key;

use super::entries::FeedEntry;
use super::lease::{Leased, LeasedDocument as _};
use super::{ChangeSink, DeliveredChange, DeliverySettings, NeverAccepted, Shared};
use cursor::{Cursor, Failing};

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
    /// The number of the last change that it has, or that was given up.
    pub delivered: u64,
    /// How many changes it does not have yet.
    pub behind: u64,
    /// When the oldest change happened that it does not have yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_undelivered: Option<DateTime<Utc>>,
    /// Since when every attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// What the last attempt failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many changes were given up, or were removed from the feed before they were delivered.
    pub given_up: u64,
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

/// Gives changes that are not in the feed to each sink, and does not remember that. Returns who did not accept which:
/// the name of the sink, and the id of the change.
pub(super) async fn send_beside_feed(
    shared: &Shared,
    changes: &[DeliveredChange],
) -> Vec<(String, String, EventError)> {
    let mut failures = Vec::new();
    for delivery in &shared.deliveries {
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
    }
    failures
}

pub(super) async fn states(shared: &Shared) -> Result<Vec<DeliveryState>, Error> {
    let mut states = Vec::with_capacity(shared.deliveries.len());
    for delivery in &shared.deliveries {
        let cursor = Cursor::read(shared, &delivery.name).await?;
        let page = shared.feed.page(cursor.delivered, 1).await?;
        states.push(DeliveryState {
            sink: delivery.name.clone(),
            behind: page.position.saturating_sub(cursor.delivered),
            delivered: cursor.delivered,
            oldest_undelivered: page.entries.first().and_then(FeedEntry::time),
            failing_since: cursor.failing.as_ref().map(|failing| failing.schedule.since),
            error: cursor.failing.map(|failing| failing.error),
            given_up: cursor.given_up,
        });
    }
    Ok(states)
}

async fn deliver_all(shared: &Shared, delivery: &Delivery, mut closed: watch::Receiver<()>) {
    let mut positions = shared.progress.positions();
    loop {
        let pause = match round(shared, delivery).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(sink = %delivery.sink, %error, "cannot read or write how far a delivery has come");
                None
            }
        };
        tokio::select! {
            _ = closed.changed() => return,
            () = tokio::time::sleep(pause.unwrap_or(POLL)) => {}
            _ = positions.changed(), if pause.is_none() => {}
        }
    }
}

/// Delivers until the sink has all, fails, or another replica delivers. Returns how long to wait if it is not this
/// replica's turn.
async fn round(shared: &Shared, delivery: &Delivery) -> Result<Option<Duration>, Error> {
    let _turn = delivery.turn.lock().await;
    if shared.deliveries_end() {
        return Ok(None);
    }
    let position = shared.feed.read_head().await?.head.position();
    let cursor = Cursor::read(shared, &delivery.name).await?;
    if cursor.is_stored() && cursor.delivered >= position {
        return Ok(None);
    }
    if let Some(pause) = cursor.pause(shared.now()) {
        return Ok(Some(pause));
    }
    let Some(mut leased) = Cursor::lease_of(shared, &delivery.name).await? else { return Ok(Some(POLL)) };
    let outcome = deliver_leased(shared, delivery, &mut leased).await;
    leased.release(&shared.store).await?;
    outcome
}

async fn deliver_leased(
    shared: &Shared,
    delivery: &Delivery,
    leased: &mut Leased<Cursor>,
) -> Result<Option<Duration>, Error> {
    loop {
        // After a failure one by one, so that a change that a sink cannot take does not hold up those before it.
        let limit = if leased.document.failing.is_some() { 1 } else { delivery.settings.batch.max(1) };
        let page = shared.feed.page(leased.document.delivered, limit).await?;
        let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) else { return Ok(None) };
        let missing = first.seq - leased.document.delivered - 1;
        if missing > 0 {
            let sink = &delivery.sink;
            tracing::error!(%sink, missing, "the change feed no longer has changes that {sink} never got");
            leased.document.given_up += missing;
        }
        let (last, is_alone) = (last.seq, page.entries.len() == 1);
        let attempt = attempt(delivery, page.entries);
        match leased.hold(&shared.store, shared.clock.as_ref(), attempt).await? {
            Ok(()) => {
                leased.document.delivered = last;
                leased.document.failing = None;
            }
            Err(error) if !is_alone => {
                // The next attempt is at once, with the first change alone.
                leased.document.failing = Some(Failing::begin(shared.now(), &error));
                continue;
            }
            Err(error) => {
                let now = shared.now();
                let mut failing =
                    leased.document.failing.take().unwrap_or_else(|| Failing::begin(now, &error));
                failing.fail_again(now, &error);
                let is_hopeless = error.source.is::<NeverAccepted>();
                if is_hopeless || failing.schedule.is_over(now, delivery.settings.give_up_after) {
                    let source = &error.source;
                    tracing::error!(sink = %delivery.sink, change = last, %error, %source, "giving up a change");
                    leased.document.delivered = last;
                    leased.document.given_up += 1;
                } else {
                    let pause = failing.schedule.pause(now);
                    tracing::warn!(
                        sink = %delivery.sink, change = last, %error, source = error.source.to_string(), ?pause,
                        "{}: {} did not accept a change; trying again", delivery.name, delivery.sink
                    );
                    leased.document.failing = Some(failing);
                    leased.save(&shared.store, shared.now()).await?;
                    return Ok(Some(pause));
                }
            }
        }
        if !leased.save(&shared.store, shared.now()).await? {
            return Ok(Some(POLL));
        }
        if shared.deliveries_end() {
            return Ok(None);
        }
    }
}

async fn attempt(delivery: &Delivery, entries: Vec<FeedEntry>) -> Result<(), EventError> {
    let change = |FeedEntry { seq, id, event }| DeliveredChange { seq, id, event };
    let changes: Vec<_> = entries.into_iter().map(change).collect();
    deliver_within_timeout(delivery, &changes).await
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
