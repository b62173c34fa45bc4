//! Which store this is: what tells an empty answer of the right store from one of another, or of a folder where the
//! store is not mounted.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::blob::{Blob, BlobETag, BlobError, Fetched, Key, PutOutcome, When};
use crate::randomness::{SystemRandomness, random_bytes};
use crate::{Error, Registry};

use crate::concurrency::SingleFlight;

/// The format that this release reads and writes.
const FORMAT: u32 = 1;

/// What stands in the marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    format: u32,
    id: String,
}

/// What a process knows of the store that it works on.
#[derive(Debug, Default)]
pub(crate) struct StoreMarker {
    opened: Mutex<Option<Opened>>,
    checks: SingleFlight<(), Outcome>,
}

#[derive(Debug, Clone)]
enum Opened {
    /// The store has a marker, and this is its last known state.
    Marked { id: Arc<str>, etag: BlobETag },
    /// The store has none and takes none.
    Unmarked,
}

/// What one look at the marker found.
#[derive(Debug)]
enum Outcome {
    Same,
    Failed(Arc<Error>),
}

/// Why an empty answer of the store proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mismatch {
    Gone,
    Another,
    Unreadable,
}

impl fmt::Display for Mismatch {
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
            Self::Unreadable => "its marker _registry.json cannot be read: restore it from a backup",
        })
    }
}

impl std::error::Error for Mismatch {}

impl Registry {
    /// Opens the store: reads its marker, `_registry.json`, and makes it where there is none. From then on, and in every
    /// process on the store, whatever the store calls missing is believed only while the marker is there: a folder that
    /// is not mounted or a bucket that is gone answers like one that hosts nothing, and the names of your packages would
    /// be looked for upstream.
    ///
    /// Call it once before the first request, so that a store that does not answer is refused at start. Without it, the
    /// marker is read, or made, when the store calls something missing for the first time.
    ///
    /// A store that may only be read and has no marker is used without one, which the log tells.
    pub async fn open(&self) -> Result<(), Error> {
        self.confirm_absence().await
    }

    /// Believes what the store just called missing, if it still is the store that was opened. To be asked after the
    /// miss. Callers that ask at the same time share one request.
    pub(crate) async fn confirm_absence(&self) -> Result<(), Error> {
        let marker = &self.parts.store_marker;
        let check = async {
            let outcome = Arc::new(match self.check_marker().await {
                Ok(()) => Outcome::Same,
                Err(error) => {
                    if let Error::StorageChanged(_) = &error {
                        self.parts.upstream.hosted.forget_all();
                    }
                    Outcome::Failed(Arc::new(error))
                }
            });
            Ok::<_, Infallible>(Some(outcome))
        };
        let Ok(outcome) = Box::pin(marker.checks.run(&(), check)).await;
        match outcome.as_deref() {
            Some(Outcome::Same) => Ok(()),
            Some(Outcome::Failed(error)) => Err(Error::Shared(Arc::clone(error))),
            None => Err(Error::Internal("a look at the marker of the store found nothing".into())),
        }
    }

    /// What was `found`, or that it is proven to be missing.
    pub(crate) async fn or_proven_absent<T: Send>(&self, found: Option<T>) -> Result<Option<T>, Error> {
        if found.is_none() {
            self.confirm_absence().await?;
        }
        Ok(found)
    }

    async fn check_marker(&self) -> Result<(), Error> {
        let opened = self.parts.store_marker.opened();
        let (known, etag) = match opened {
            None => return self.open_store().await,
            Some(Opened::Unmarked) => return self.adopt_marker().await.map(drop),
            Some(Opened::Marked { id, etag }) => (id, etag),
        };
        match self.parts.store.get_if_changed(&Key::Marker.path()?, &etag).await? {
            Fetched::Unchanged => Ok(()),
            Fetched::Missing => Err(changed(Mismatch::Gone)),
            Fetched::Changed(blob) => {
                let marker = read(&blob)?;
                if *marker.id != *known {
                    return Err(changed(Mismatch::Another));
                }
                self.parts.store_marker.set(Opened::Marked { id: known, etag: blob.etag });
                Ok(())
            }
        }
    }

    /// Learns which store this is, once.
    async fn open_store(&self) -> Result<(), Error> {
        if self.adopt_marker().await? {
            return Ok(());
        }
        self.make_marker().await?;
        match self.parts.store_marker.opened() {
            Some(Opened::Unmarked) => Ok(()),
            _ if self.adopt_marker().await? => Ok(()),
            _ => Err(changed(Mismatch::Gone)),
        }
    }

    /// Whether the store has a marker, by which it is known from now on.
    async fn adopt_marker(&self) -> Result<bool, Error> {
        let Some(blob) = self.parts.store.get(&Key::Marker.path()?).await? else { return Ok(false) };
        let id = read(&blob)?.id.into();
        self.parts.store_marker.set(Opened::Marked { id, etag: blob.etag });
        if let Some(name) = self.name_in_via() {
            for upstream in &self.parts.upstream.upstreams {
                upstream.upstream.asked_by(&name);
            }
        }
        Ok(true)
    }

    /// By what this registry, in all of its processes, knows requests to upstreams that come back to it; `None` while its
    /// store has no marker. It tells nothing of the marker's id.
    pub(crate) fn name_in_via(&self) -> Option<String> {
        match self.parts.store_marker.opened()? {
            Opened::Marked { id, .. } => {
                let hash = Sha256::digest(format!("via {id}"));
                Some(format!("registry-{}", const_hex::encode(&hash[..8])))
            }
            Opened::Unmarked => None,
        }
    }

    /// Makes the marker of a store that has none, unless the store takes no writes.
    async fn make_marker(&self) -> Result<(), Error> {
        let path = Key::Marker.path()?;
        // Nothing is derived from it, so it takes nothing from a source of randomness that may be a test's.
        let id = const_hex::encode(random_bytes::<16>(&SystemRandomness));
        let json = serde_json::to_vec(&Marker { format: FORMAT, id }).map_err(super::publish::internal)?;
        match self.parts.store.put(&path, json.into(), When::Absent).await {
            Ok(PutOutcome::Stored(_)) => {
                tracing::info!(storage = %self.parts.store, "marked the storage as that of a registry, in _registry.json");
            }
            Ok(PutOutcome::Conflict) => {}
            Err(error @ BlobError::Refused { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    storage = %self.parts.store,
                    "the storage has no marker and takes none: should it be replaced by an empty one, its packages would \
                     be looked for upstream; start a registry once that may write to it"
                );
                self.parts.store_marker.set(Opened::Unmarked);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl StoreMarker {
    fn opened(&self) -> Option<Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, opened: Opened) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }
}

fn read(blob: &Blob) -> Result<Marker, Error> {
    let marker: Marker = serde_json::from_slice(&blob.bytes).map_err(|_| changed(Mismatch::Unreadable))?;
    if marker.format > FORMAT {
        return Err(Error::StorageChanged(
            format!(
                "it was written by a later release (format {}, and this release knows {FORMAT}): use that release",
                marker.format
            )
            .into(),
        ));
    }
    Ok(marker)
}

fn changed(mismatch: Mismatch) -> Error {
    Error::StorageChanged(Box::new(mismatch))
}
