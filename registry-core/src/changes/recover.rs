use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use futures::TryStreamExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::Error;
use crate::domain::OutboxEntry;
use crate::events::Event;
use crate::storage::{BlobPath, Key};

use super::marker::{MarkerContent, OutboxMarker, ParsedMarker};
use super::{ChangedDocument, Shared};

/// How old a marker is before its commit is sure to have failed, if its events are nowhere.
const FORGET_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Starts the task that looks for what crashed processes left behind.
pub(super) fn start(shared: &Arc<Shared>, mut closed: watch::Receiver<()>) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        loop {
            // The pause comes first: a command that runs for a second need not list markers.
            tokio::select! {
                () = tokio::time::sleep(shared.settings.recover_every) => {}
                _ = closed.changed() => return,
            }
            if let Err(error) = shared.recover().await {
                tracing::warn!(%error, "cannot look for events that other processes left behind; trying again later");
            }
        }
    });
}

/// The part of a document that the recovery reads.
#[derive(Default, Deserialize)]
struct Outbox {
    #[serde(default, rename = "_outbox", alias = "outbox")]
    entries: Vec<OutboxEntry>,
}

impl Shared {
    /// Moves events that other processes left behind into the feed, gives them to the local sinks, and removes what is
    /// too old from the feed. Returns how many events were found.
    pub(super) async fn recover(&self) -> Result<usize, Error> {
        let now = self.now();
        let take_over_after = TimeDelta::from_std(self.settings.take_over_after).unwrap_or(TimeDelta::MAX);
        let listed: Vec<_> = self.store.list(&OutboxMarker::folder()?).try_collect().await?;
        let mut by_document: BTreeMap<ChangedDocument, Vec<(ParsedMarker, BlobPath)>> = BTreeMap::new();
        for blob in listed {
            let Some(marker) = ParsedMarker::parse(&blob.path) else { continue };
            let is_due = now.timestamp_millis() - marker.began >= take_over_after.num_milliseconds();
            if is_due && !self.progress.is_own(&blob.path) {
                by_document.entry(marker.document.clone()).or_default().push((marker, blob.path));
            }
        }
        let mut found = 0;
        for (document, markers) in by_document {
            found += self.recover_document(&document, markers).await?;
        }
        self.trim().await?;
        Ok(found)
    }

    async fn recover_document(
        &self,
        document: &ChangedDocument,
        markers: Vec<(ParsedMarker, BlobPath)>,
    ) -> Result<usize, Error> {
        let outbox = self.read_outbox(document).await?;
        self.append(&outbox).await?;
        let (mut found, mut finished) = (0, Vec::new());
        for (marker, path) in markers {
            let events = self.events_of(&marker, &path, &outbox).await?;
            let age = self.now().timestamp_millis() - marker.began;
            if !events.is_empty() {
                tracing::info!(%document, events = events.len(), "delivering events that another process left behind");
            } else if age < FORGET_AFTER.num_milliseconds() {
                // The commit may still be under way.
                continue;
            }
            found += events.len();
            for event in &events {
                self.emit(event);
            }
            finished.push(path);
        }
        self.events.flush().await;
        self.delete(finished).await;
        Ok(found)
    }

    async fn read_outbox(&self, document: &ChangedDocument) -> Result<Vec<OutboxEntry>, Error> {
        let path = match document {
            ChangedDocument::Package(name) => Key::Packument(name).path()?,
            ChangedDocument::Organization(name) => Key::Organization(name).path()?,
            ChangedDocument::BlockedVersions => Key::BlockedVersions.path()?,
        };
        let Some(blob) = self.store.get_proven(&path).await? else { return Ok(Vec::new()) };
        let outbox: Outbox =
            serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(Box::new(error)))?;
        Ok(outbox.entries)
    }

    /// Returns the events of a commit, from the outbox, or from the feed if a later commit removed them from the outbox.
    async fn events_of(
        &self,
        marker: &ParsedMarker,
        path: &BlobPath,
        outbox: &[OutboxEntry],
    ) -> Result<Vec<Box<RawValue>>, Error> {
        let is_of_commit = |id: &str| {
            id.strip_prefix(&marker.id).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let held = outbox.iter().filter(|entry| is_of_commit(&entry.id));
        let held: Vec<_> = held.map(|entry| entry.event.clone()).collect();
        if !held.is_empty() {
            return Ok(held);
        }
        let Some(blob) = self.store.get(path).await? else { return Ok(Vec::new()) };
        let after = serde_json::from_slice(&blob.bytes).map_or(0, |content: MarkerContent| content.after);
        let found = self.feed.find(after, &is_of_commit).await?;
        Ok(found.into_iter().map(|entry| entry.event).collect())
    }

    /// Gives an event of another process to the local sinks.
    fn emit(&self, event: &RawValue) {
        match serde_json::from_str::<Event>(event.get()) {
            Ok(event) => self.events.emit(event),
            Err(error) => {
                tracing::warn!(%error, "another version of the registry wrote an event that the log cannot show");
            }
        }
    }

    /// Removes changes that are older than the settings keep.
    async fn trim(&self) -> Result<(), Error> {
        let keep = TimeDelta::from_std(self.settings.keep).unwrap_or(TimeDelta::MAX);
        let Some(oldest) = self.now().checked_sub_signed(keep) else { return Ok(()) };
        self.feed.trim(|entry| entry.time().is_some_and(|time| time < oldest)).await.map(drop)
    }
}
