use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::marker::{Marker, MarkerMismatch};
use super::update::{self, BlobDecision, Edit, Function, Read, Updated};
use super::{Blob, BlobError, BlobPath, BlobStore, Contended};
use crate::randomness::Randomness;
use crate::vocabulary::BoxError;

/// Why the storage gave no reliable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store failed or rejected the request.
    #[error("the registry's storage did not answer: try again in a moment")]
    Blob(#[from] BlobError),
    /// The store is not, or no longer, the one that was opened, so its reports of absence prove nothing.
    #[error(
        "the registry's storage is not the one that was opened: ask the registry's operator to look at the log"
    )]
    Changed(#[source] BoxError),
    /// The error that a concurrent caller received.
    #[error(transparent)]
    Shared(Arc<Self>),
}

impl StorageError {
    /// Returns the error without the sharing wrapper.
    pub(crate) fn root(&self) -> &Self {
        match self {
            Self::Shared(error) => error.root(),
            error => error,
        }
    }

    /// Returns what is wrong with the marker, if the store is not the one that was opened.
    pub(crate) fn mismatch(&self) -> Option<MarkerMismatch> {
        match self.root() {
            // A marker of a later release is of no use to this one either.
            Self::Changed(reason) => {
                Some(reason.downcast_ref().copied().unwrap_or(MarkerMismatch::Unreadable))
            }
            _ => None,
        }
    }
}

/// The store of a registry. An absence counts only while its marker proves that it is the store that was opened.
pub(crate) struct Storage {
    store: Arc<dyn BlobStore>,
    randomness: Arc<dyn Randomness>,
    marker: Marker,
}

/// Receives what a [`Storage`] learns about its store.
pub(crate) trait WatchStorage: Send + Sync {
    /// The store has this marker.
    fn opened(&self, name_in_via: &str);

    /// The store is not the one that was opened, or cannot be distinguished from another one.
    fn changed(&self);
}

impl Storage {
    pub(crate) fn new(
        store: Arc<dyn BlobStore>,
        randomness: Arc<dyn Randomness>,
        watcher: Arc<dyn WatchStorage>,
    ) -> Self {
        Self { store, randomness, marker: Marker::new(watcher) }
    }

    pub(crate) fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.store
    }

    /// Confirms a reported absence, if the store still is the one that was opened. Call it after the miss. Concurrent
    /// callers share one request.
    pub(crate) async fn confirm_absence(&self) -> Result<(), StorageError> {
        self.marker.check(&*self.store).await
    }

    /// Returns `found`, or confirms the absence.
    pub(crate) async fn or_proven_absent<T: Send>(
        &self,
        found: Option<T>,
    ) -> Result<Option<T>, StorageError> {
        if found.is_none() {
            self.confirm_absence().await?;
        }
        Ok(found)
    }

    /// Returns the blob, or a proven absence.
    pub(crate) async fn get_proven(&self, path: &BlobPath) -> Result<Option<Blob>, StorageError> {
        let found = self.store.get(path).await?;
        self.or_proven_absent(found).await
    }

    /// Returns the name for the header `Via`, by which all processes of this registry recognize their own requests to
    /// upstreams; `None` while the store has no marker. It does not disclose the marker's id.
    pub(crate) fn name_in_via(&self) -> Option<Arc<str>> {
        self.marker.name_in_via()
    }

    /// Runs an edit by compare-and-swap. See [`update`](update::update).
    pub(crate) async fn update<E: Edit>(
        &self,
        path: &BlobPath,
        edit: &mut E,
    ) -> Result<Updated<E::Outcome>, E::Error> {
        update::update(&*self.store, &*self.randomness, path, edit).await
    }

    /// Changes a blob by a function of its content, or of its proven absence. See [`update`](update::update).
    pub(crate) async fn update_with<Outcome, Error, Decide>(
        &self,
        path: &BlobPath,
        decide: Decide,
    ) -> Result<Outcome, Error>
    where
        Outcome: Send + Sync,
        Error: From<StorageError> + From<BlobError> + From<Contended> + Send,
        Decide: FnMut(Option<&Blob>) -> Result<BlobDecision<Outcome>, Error> + Send,
    {
        let mut edit = Function { read: Proven { storage: self, path }, decide, outcome: PhantomData };
        Ok(self.update(path, &mut edit).await?.outcome)
    }

    /// Changes a blob that can be made anew, so that nothing has to prove that it is missing.
    pub(crate) async fn update_cached_with<Outcome, Error, Decide>(
        &self,
        path: &BlobPath,
        decide: Decide,
    ) -> Result<Outcome, Error>
    where
        Outcome: Send + Sync,
        Error: From<BlobError> + From<Contended> + Send,
        Decide: FnMut(Option<&Blob>) -> Result<BlobDecision<Outcome>, Error> + Send,
    {
        update::update_with(&*self.store, &*self.randomness, path, decide).await
    }
}

struct Proven<'a> {
    storage: &'a Storage,
    path: &'a BlobPath,
}

impl<Error: From<StorageError>> Read<Error> for Proven<'_> {
    async fn read(&self) -> Result<Option<Blob>, Error> {
        Ok(self.storage.get_proven(self.path).await?)
    }
}

impl Deref for Storage {
    type Target = dyn BlobStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}
