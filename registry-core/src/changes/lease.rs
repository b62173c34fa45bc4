//! The right of one process at a time to deliver, kept in the document that says how far it has come.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clock::Clock;
use crate::storage::{Blob, BlobDecision, BlobPath, Storage};

use super::head::damaged;

/// How long after its last sign of life a process is taken to be dead, and another takes over: the longest that deliveries
/// wait after a crash. Renewed with each save.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a process that waits for a receiver renews its lease.
const RENEWAL: Duration = Duration::from_secs(10);

/// The right to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    holder: String,
    until: DateTime<Utc>,
}

/// A document with a field `lease`.
pub(crate) trait LeasedDocument: Serialize + Send + Sync + Sized {
    fn lease(&self) -> Option<&Lease>;

    fn set_lease(&mut self, lease: Option<Lease>);

    /// When the next attempt is after a failure.
    fn next_attempt(&self) -> Option<DateTime<Utc>>;

    /// Returns how long a process must wait, for another one or after a failure.
    fn pause(&self, now: DateTime<Utc>) -> Option<Duration> {
        let leased = self.lease().map(|lease| lease.until);
        let until = leased.max(self.next_attempt()).filter(|until| *until > now)?;
        (until - now).to_std().ok()
    }
}

/// A document with the right to deliver.
#[derive(Debug)]
pub(crate) struct Leased<Document> {
    path: BlobPath,
    holder: String,
    pub(crate) document: Document,
}

/// What any document says of its lease.
#[derive(Deserialize)]
struct StoredLease {
    #[serde(default)]
    lease: Option<Lease>,
}

impl<Document: LeasedDocument> Leased<Document> {
    /// Acquires the right to deliver; `None` if another process has it, or after a failure. `holder` is a new random id.
    pub(crate) async fn acquire(
        store: &Storage,
        path: BlobPath,
        holder: String,
        now: DateTime<Utc>,
        parse: impl Fn(Option<&Blob>) -> Result<Document, Error> + Send + Sync,
    ) -> Result<Option<Self>, Error> {
        let lease = Lease { holder: holder.clone(), until: now + LEASE };
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let mut document = parse(stored)?;
            if document.lease() == Some(&lease) {
                return Ok(BlobDecision::Keep(Some(document)));
            }
            if document.pause(now).is_some() {
                return Ok(BlobDecision::Keep(None));
            }
            document.set_lease(Some(lease.clone()));
            Ok(BlobDecision::Write(to_json(&document)?, Some(document)))
        };
        let document = store.update_with(&path, decide).await?;
        Ok(document.map(|document| Self { path, holder, document }))
    }

    /// Stores the document, and renews the right to deliver. Returns `false` if another process has it.
    pub(crate) async fn save(&mut self, store: &Storage, now: DateTime<Utc>) -> Result<bool, Error> {
        let lease = Lease { holder: self.holder.clone(), until: now + LEASE };
        self.store(store, Some(lease)).await
    }

    /// Waits for a receiver, however long it takes, and renews the right to deliver meanwhile. Where another process took it,
    /// the next [`Self::save`] says so.
    pub(crate) async fn hold<Done>(
        &mut self,
        store: &Storage,
        clock: &dyn Clock,
        work: impl Future<Output = Done>,
    ) -> Result<Done, Error> {
        let mut work = pin!(work);
        loop {
            if let Ok(done) = tokio::time::timeout(RENEWAL, &mut work).await {
                return Ok(done);
            }
            self.save(store, clock.now()).await?;
        }
    }

    /// Stores the document, and gives the right to deliver back.
    pub(crate) async fn release(mut self, store: &Storage) -> Result<(), Error> {
        self.store(store, None).await.map(drop)
    }

    async fn store(&mut self, store: &Storage, lease: Option<Lease>) -> Result<bool, Error> {
        self.document.set_lease(lease);
        let (bytes, holder) = (to_json(&self.document)?, &self.holder);
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let Some(stored) = stored else { return Ok(BlobDecision::Keep(false)) };
            let stored: StoredLease = serde_json::from_slice(&stored.bytes).map_err(damaged)?;
            if stored.lease.is_none_or(|lease| lease.holder != *holder) {
                return Ok(BlobDecision::Keep(false));
            }
            Ok(BlobDecision::Write(bytes.clone(), true))
        };
        store.update_with(&self.path, decide).await
    }
}

/// Serializes a document for the store.
pub(crate) fn to_json(document: &impl Serialize) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(document).map_err(Error::internal)?.into())
}
