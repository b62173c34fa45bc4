//! The store's identity, which distinguishes an empty answer of the right store from one of another store, or of a
//! folder where the store is not mounted.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::proven::{StorageError, WatchStorage};
use super::{Blob, BlobETag, BlobError, BlobPath, BlobStore, CopyRecord, Fetched, Key, PutOutcome, When};
use crate::concurrency::SingleFlight;
use crate::randomness::{SystemRandomness, random_bytes};

/// The format that this release reads and writes.
const FORMAT: u32 = 1;

/// The content of the marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    format: u32,
    id: String,
}

/// This process's knowledge of the store's marker.
pub(super) struct Marker {
    opened: Mutex<Option<Opened>>,
    checks: SingleFlight<(), Result<(), Arc<StorageError>>>,
    watcher: Arc<dyn WatchStorage>,
}

#[derive(Clone)]
enum Opened {
    /// The store has a marker, and this is its last known state.
    Marked { id: Arc<str>, etag: BlobETag, name_in_via: Arc<str> },
    /// The store has no marker and accepts none.
    Unmarked,
}

/// Why an absence that the store reports is not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkerMismatch {
    Gone,
    Another,
    Unreadable,
    UnfinishedCopy,
}

impl fmt::Display for MarkerMismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gone => {
                "its marker _registry.json is gone: mount the storage again, or, if it was emptied on purpose, restart \
                 the registry"
            }
            Self::Another => {
                "its marker _registry.json has another id: this is another storage than the one that was opened; mount \
                 the right one, or restart the registry to use this one"
            }
            Self::UnfinishedCopy => {
                "it is a copy that did not come to its end: run `registry-server copy FROM TO` again, which finishes it. If \
                 what it was copied from is lost, delete _copy.json to use what there is, and run `registry-server verify`"
            }
            Self::Unreadable => "its marker _registry.json cannot be read: restore it from a backup",
        })
    }
}

impl std::error::Error for MarkerMismatch {}

impl Marker {
    pub(super) fn new(watcher: Arc<dyn WatchStorage>) -> Self {
        Self { opened: Mutex::default(), checks: SingleFlight::default(), watcher }
    }

    /// Compares the marker with the one seen first; reads or creates it on the first call.
    pub(super) async fn check(&self, store: &dyn BlobStore) -> Result<(), StorageError> {
        let check = async {
            let compared = self.compare(store).await;
            if let Err(StorageError::Changed(_)) = &compared {
                self.watcher.changed();
            }
            Ok::<_, Infallible>(Some(Arc::new(compared.map_err(Arc::new))))
        };
        let Ok(checked) = Box::pin(self.checks.run(&(), check)).await;
        match checked.as_deref() {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(StorageError::Shared(Arc::clone(error))),
            None => Err(changed(MarkerMismatch::Gone)),
        }
    }

    pub(super) fn name_in_via(&self) -> Option<Arc<str>> {
        match self.opened()? {
            Opened::Marked { name_in_via, .. } => Some(name_in_via),
            Opened::Unmarked => None,
        }
    }

    async fn compare(&self, store: &dyn BlobStore) -> Result<(), StorageError> {
        let (known, etag, name_in_via) = match self.opened() {
            None => return self.open(store).await,
            Some(Opened::Unmarked) => return self.adopt(store).await.map(drop),
            Some(Opened::Marked { id, etag, name_in_via }) => (id, etag, name_in_via),
        };
        match store.get_if_changed(&path()?, &etag).await? {
            Fetched::Unchanged => Ok(()),
            Fetched::Missing => Err(changed(MarkerMismatch::Gone)),
            Fetched::Changed(blob) => {
                let content = read(&blob)?;
                if *content.id != *known {
                    return Err(changed(MarkerMismatch::Another));
                }
                self.set(Opened::Marked { id: known, etag: blob.etag, name_in_via });
                Ok(())
            }
        }
    }

    /// Identifies the store, once.
    async fn open(&self, store: &dyn BlobStore) -> Result<(), StorageError> {
        if self.adopt(store).await? {
            return Ok(());
        }
        self.make(store).await?;
        match self.opened() {
            Some(Opened::Unmarked) => Ok(()),
            _ if self.adopt(store).await? => Ok(()),
            _ => Err(changed(MarkerMismatch::Gone)),
        }
    }

    /// Reads the store's marker, if there is one, and identifies the store by it from now on.
    async fn adopt(&self, store: &dyn BlobStore) -> Result<bool, StorageError> {
        let Some(blob) = store.get(&path()?).await? else { return Ok(false) };
        let id: Arc<str> = read(&blob)?.id.into();
        let hash = Sha256::digest(format!("via {id}"));
        let name_in_via: Arc<str> = format!("registry-{}", const_hex::encode(&hash[..8])).into();
        self.set(Opened::Marked { id, etag: blob.etag, name_in_via: Arc::clone(&name_in_via) });
        self.watcher.opened(&name_in_via);
        Ok(true)
    }

    /// Creates the marker of a store that has none, unless the store accepts no writes.
    async fn make(&self, store: &dyn BlobStore) -> Result<(), StorageError> {
        // Its packages and accounts that are not copied yet would look free.
        if let Some(record) = store.get(&path_of(Key::CopyRecord)?).await?
            && !is_finished(&record)
        {
            return Err(changed(MarkerMismatch::UnfinishedCopy));
        }
        // Nothing is derived from it, so it does not use the injected source of randomness.
        let id = const_hex::encode(random_bytes::<16>(&SystemRandomness));
        let json = serde_json::json!(Content { format: FORMAT, id }).to_string();
        match store.put(&path()?, json.into(), When::Absent).await {
            Ok(PutOutcome::Stored(_)) => {
                tracing::info!(storage = %store, "created the marker _registry.json in the storage");
            }
            Ok(PutOutcome::Conflict) => {}
            Err(error @ BlobError::Refused { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    storage = %store,
                    "the storage has no marker and cannot store one: if an empty storage replaced it, its \
                     packages would be fetched from upstreams; start a registry that may write to it once"
                );
                self.set(Opened::Unmarked);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn opened(&self) -> Option<Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, opened: Opened) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }
}

fn path() -> Result<BlobPath, StorageError> {
    path_of(Key::Marker)
}

fn path_of(key: Key<'_>) -> Result<BlobPath, StorageError> {
    key.path().map_err(|error| changed_for(error.into()))
}

/// Whether the record of a copy says that it is complete.
fn is_finished(record: &Blob) -> bool {
    serde_json::from_slice(&record.bytes).is_ok_and(|CopyRecord { is_finished, .. }| is_finished)
}

fn read(blob: &Blob) -> Result<Content, StorageError> {
    let content: Content =
        serde_json::from_slice(&blob.bytes).map_err(|_| changed(MarkerMismatch::Unreadable))?;
    if content.format > FORMAT {
        let reason = format!(
            "it was written by a later release (format {}, and this release knows {FORMAT}): use that release",
            content.format
        );
        return Err(changed_for(reason.into()));
    }
    Ok(content)
}

fn changed(mismatch: MarkerMismatch) -> StorageError {
    changed_for(Box::new(mismatch))
}

fn changed_for(reason: crate::vocabulary::BoxError) -> StorageError {
    StorageError::Changed(reason)
}
