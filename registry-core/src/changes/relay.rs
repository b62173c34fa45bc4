use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt as _, stream};
use tokio::sync::{mpsc, watch};

use crate::concurrency::RetryPauses;
use crate::domain::OutboxEntry;
use crate::storage::BlobPath;

use super::marker::OutboxMarker;
use super::{CommittedChanges, Shared};

/// How many commits are moved into the feed at once.
const BATCH: usize = 256;
/// How many markers are deleted at the same time.
const DELETIONS: usize = 8;

/// How far this process has come with its own commits.
#[derive(Debug)]
pub(super) struct Progress {
    accepted: AtomicU64,
    done: watch::Sender<u64>,
    /// The markers that this process wrote and takes care of.
    own: Mutex<HashSet<BlobPath>>,
    /// The number of the latest change in the feed, as far as this process knows.
    position: watch::Sender<u64>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            done: watch::Sender::new(0),
            own: Mutex::default(),
            position: watch::Sender::new(0),
        }
    }
}

impl Progress {
    pub(super) fn began(&self, marker: &OutboxMarker) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(marker.path.clone());
    }

    pub(super) fn ended(&self, marker: &OutboxMarker) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(&marker.path);
    }

    pub(super) fn is_own(&self, path: &BlobPath) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn done(&self, commits: u64) {
        self.done.send_modify(|done| *done += commits);
    }

    /// Returns how many commits wait for the feed.
    pub(super) fn waiting(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst).saturating_sub(*self.done.borrow())
    }

    /// Waits until all commits so far are done.
    pub(super) async fn wait(&self) {
        let accepted = self.accepted.load(Ordering::SeqCst);
        let mut done = self.done.subscribe();
        let _ended = done.wait_for(|done| *done >= accepted).await;
    }

    pub(super) fn reached(&self, position: u64) {
        self.position.send_if_modified(|known| {
            let is_further = *known < position;
            *known = position.max(*known);
            is_further
        });
    }

    pub(super) fn positions(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }
}

/// Starts the tasks that move the events of this process's commits into the feed, and delete their markers.
pub(super) fn start(
    shared: &Arc<Shared>,
    queued: mpsc::UnboundedReceiver<CommittedChanges>,
    closed: watch::Receiver<()>,
) {
    let (finished, to_clean) = mpsc::unbounded_channel();
    tokio::spawn(relay_all(Arc::clone(shared), queued, finished, closed));
    tokio::spawn(clean_all(Arc::clone(shared), to_clean));
}

async fn relay_all(
    shared: Arc<Shared>,
    mut queued: mpsc::UnboundedReceiver<CommittedChanges>,
    finished: mpsc::UnboundedSender<CommittedChanges>,
    mut closed: watch::Receiver<()>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while queued.recv_many(&mut batch, BATCH).await > 0 {
        if !relay(&shared, &batch, &mut closed).await {
            return;
        }
        for committed in batch.drain(..) {
            let _ = finished.send(committed);
        }
    }
}

/// Moves a batch into the feed, however long it takes. Gives up once the registry is closed: the markers are there.
async fn relay(shared: &Shared, batch: &[CommittedChanges], closed: &mut watch::Receiver<()>) -> bool {
    let mut known = HashSet::new();
    let entries: Vec<OutboxEntry> = batch
        .iter()
        .flat_map(|committed| &committed.outbox)
        .filter(|entry| known.insert(entry.id.as_str()))
        .cloned()
        .collect();
    let mut pauses = RetryPauses::default();
    loop {
        let Err(error) = shared.append(&entries).await else { return true };
        let pause = pauses.next_pause();
        let document = batch.first().map(|committed| committed.document.to_string()).unwrap_or_default();
        tracing::warn!(%error, %document, commits = batch.len(), ?pause, "cannot write the change feed; trying again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closed.changed() => return false,
        }
    }
}

async fn clean_all(shared: Arc<Shared>, mut finished: mpsc::UnboundedReceiver<CommittedChanges>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        let commits = batch.len() as u64;
        // The local sinks first: the marker is what makes another process give the events to its own.
        shared.events.flush().await;
        let markers = batch.drain(..).flat_map(|committed| committed.markers);
        shared.delete(markers.map(|marker| marker.path).collect()).await;
        shared.progress.done(commits);
    }
}

impl Shared {
    /// Moves events into the feed. Returns the ids of those that were not there.
    pub(super) async fn append(&self, entries: &[OutboxEntry]) -> Result<HashSet<String>, crate::Error> {
        if entries.is_empty() {
            return Ok(HashSet::new());
        }
        let appended = self.feed.append(entries).await?;
        self.relayed.extend(entries.iter().map(|entry| entry.id.as_str()));
        self.progress.reached(appended.position);
        Ok(appended.ids)
    }

    /// Deletes markers. One that stays does no harm: the recovery deletes it.
    pub(super) async fn delete(&self, markers: Vec<BlobPath>) {
        let deletions = markers.into_iter().map(|path| async move {
            if let Err(error) = self.store.delete(&path).await {
                tracing::warn!(%path, %error, "cannot delete the marker of a change whose events are delivered");
            }
            self.progress.ended(&OutboxMarker { path });
        });
        stream::iter(deletions).buffer_unordered(DELETIONS).collect::<Vec<()>>().await;
    }
}
