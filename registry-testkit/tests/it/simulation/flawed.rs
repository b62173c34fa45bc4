use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::BoxStream;
use registry_core::domain::{DistTag, PackageName, Version};
use registry_core::events::{Event, EventKind};
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    ObjectStoreBlobs, OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use registry_testkit::simulation::Stage;
use serde_json::Value;
use tokio::task::yield_now;
use url::Url;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Commits without condition: stores a packument whatever the condition says.
    CommitsWithoutCondition,
    /// Honors `Absent`, but not `Matches`.
    IgnoresMatches,
    /// Tells of a version before it is committed.
    TellsBeforeCommit,
    /// Drops its lock when a write is cancelled after the condition was looked at, and writes nevertheless.
    DropsLockOnCancel,
    /// Acknowledges each third commit, and loses it.
    LosesWrites,
    /// Loses tarballs alone.
    LosesTarballs,
    /// Each fifth read shows what was there before the last write.
    ReadsStale,
    /// Gives different states the same `ETag`.
    RepeatsETags,
    /// Loses the markers of outboxes.
    LosesMarkers,
    /// Puts an event into the change feed before its commit.
    FeedsBeforeCommit,
    /// Says that it did not store what it stored, as after a retry of its own.
    CallsItsOwnWriteConflict,
}

/// A store with one flaw.
#[derive(Debug)]
pub(super) struct Flawed {
    stage: Stage,
    flaw: Flaw,
    calls: Mutex<usize>,
    before: Mutex<HashMap<BlobPath, Option<Blob>>>,
}

impl Flawed {
    pub(super) fn new(stage: Stage, flaw: Flaw) -> Self {
        Self { stage, flaw, calls: Mutex::default(), before: Mutex::default() }
    }

    fn memory(&self) -> &ObjectStoreBlobs {
        &self.stage.memory
    }

    /// Whether this is one of every so many calls.
    fn is_every(&self, so_many: usize) -> bool {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        calls.is_multiple_of(so_many)
    }

    /// Appends the last event of a packument's outbox to the feed.
    async fn feed(&self, packument: &[u8]) -> Result<(), BlobError> {
        let packument: Value = serde_json::from_slice(packument).unwrap();
        let Some(entry) = packument["_outbox"].as_array().and_then(|outbox| outbox.last()) else {
            return Ok(());
        };
        let head = BlobPath::parse("_changes/head.json").unwrap();
        let stored = self.memory().get(&head).await?;
        let empty = || serde_json::json!({ "first": 1, "next": 1, "tail": [] });
        let mut feed: Value = stored.map_or_else(empty, |blob| serde_json::from_slice(&blob.bytes).unwrap());
        let next = feed["next"].as_u64().unwrap();
        let entry = serde_json::json!({ "seq": next, "id": entry["id"], "event": entry["event"] });
        feed["tail"].as_array_mut().unwrap().push(entry);
        feed["next"] = (next + 1).into();
        let _ = self.memory().put(&head, feed.to_string().into(), When::Always).await?;
        Ok(())
    }

    async fn tell_of_new_versions(&self, path: &BlobPath, bytes: &[u8]) -> Result<(), BlobError> {
        let before = self.memory().get(path).await?.map(|blob| versions(&blob.bytes)).unwrap_or_default();
        let after: Value = serde_json::from_slice(bytes).unwrap();
        for version in versions(bytes) {
            if !before.contains(&version) {
                let integrity = after["versions"][&version]["dist"]["integrity"].as_str().unwrap();
                let kind = EventKind::Published {
                    version: Version::parse(&version).unwrap(),
                    tag: DistTag::latest(),
                    integrity: integrity.to_owned(),
                };
                self.stage.events.deliver(&[event(after["name"].as_str().unwrap(), kind)]).await.unwrap();
            }
        }
        Ok(())
    }
}

fn event(package: &str, kind: EventKind) -> Event {
    let mut event = Event::new(DateTime::UNIX_EPOCH, kind);
    event.package = Some(PackageName::parse(package).unwrap());
    event
}

fn versions(packument: &[u8]) -> Vec<String> {
    let packument: Value = serde_json::from_slice(packument).unwrap();
    packument["versions"].as_object().unwrap().keys().cloned().collect()
}

fn is_packument(path: &BlobPath) -> bool {
    path.as_str().ends_with("/index.json")
}

/// Goes on with a write whose caller is gone.
struct Landing {
    memory: ObjectStoreBlobs,
    write: Option<(BlobPath, Bytes)>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some((path, bytes)) = self.write.take() {
            let memory = self.memory.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let _ = memory.put(&path, bytes, When::Always).await.unwrap();
            });
        }
    }
}

#[async_trait]
impl BlobStore for Flawed {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        if self.flaw == Flaw::ReadsStale && is_packument(path) && self.is_every(5) {
            let before = self.before.lock().unwrap().get(path).cloned();
            if let Some(before) = before {
                return Ok(before);
            }
        }
        let blob = self.memory().get(path).await?;
        Ok(match self.flaw {
            Flaw::RepeatsETags => blob.map(|blob| Blob { etag: repeated(&blob.bytes), ..blob }),
            _ => blob,
        })
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        Ok(match self.get(path).await? {
            None => Fetched::Missing,
            Some(blob) if blob.etag == *known => Fetched::Unchanged,
            Some(blob) => Fetched::Changed(blob),
        })
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.memory().open(path, range).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let memory = self.memory();
        let present = memory.get(path).await?;
        let is_tarball = path.as_str().contains("/-/");
        let lost = || Ok(PutOutcome::Stored(BlobETag::new("lost")));
        let when = match (self.flaw, when) {
            (Flaw::CommitsWithoutCondition, _) | (Flaw::IgnoresMatches, When::Matches(_)) => When::Always,
            (Flaw::RepeatsETags, When::Matches(etag)) => match &present {
                Some(blob) if repeated(&blob.bytes) == etag => When::Matches(blob.etag.clone()),
                _ => return Ok(PutOutcome::Conflict),
            },
            (_, when) => when,
        };
        match self.flaw {
            Flaw::LosesWrites if is_packument(path) && self.is_every(3) => return lost(),
            Flaw::LosesTarballs if is_tarball => return lost(),
            Flaw::LosesMarkers if path.as_str().starts_with("_outbox/") => return lost(),
            Flaw::FeedsBeforeCommit if is_packument(path) => self.feed(&bytes).await?,
            Flaw::TellsBeforeCommit if is_packument(path) => self.tell_of_new_versions(path, &bytes).await?,
            Flaw::DropsLockOnCancel => {
                let holds = match &when {
                    When::Always => true,
                    When::Absent => present.is_none(),
                    When::Matches(etag) => present.as_ref().is_some_and(|blob| blob.etag == *etag),
                };
                if !holds {
                    return Ok(PutOutcome::Conflict);
                }
                let mut landing =
                    Landing { memory: memory.clone(), write: Some((path.clone(), bytes.clone())) };
                yield_now().await;
                landing.write = None;
            }
            _ => {}
        }
        let outcome = memory.put(path, bytes.clone(), when).await?;
        let PutOutcome::Stored(etag) = outcome else { return Ok(outcome) };
        self.before.lock().unwrap().insert(path.clone(), present);
        Ok(match self.flaw {
            Flaw::RepeatsETags => PutOutcome::Stored(repeated(&bytes)),
            Flaw::CallsItsOwnWriteConflict if is_packument(path) && self.is_every(3) => PutOutcome::Conflict,
            _ => PutOutcome::Stored(etag),
        })
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        self.memory().put_stream(path, stream).await
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.memory().delete(path).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        self.memory().list(prefix)
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.memory().list_folders(prefix).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        self.memory().signed_url(path, expires, options).await
    }
}

/// A tag that is the same for documents of about the same length.
fn repeated(bytes: &[u8]) -> BlobETag {
    BlobETag::new((bytes.len() / 512).to_string())
}

impl fmt::Display for Flawed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "flawed({}: {:?})", self.stage.memory, self.flaw)
    }
}
