use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    ObjectStoreBlobs, OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use registry_testkit::faulty::Faulty;
use url::Url;

/// What a store says that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// What it cannot read, it calls missing.
    FailuresAreAbsence,
    /// The marker is there, whatever became of everything else.
    TheMarkerIsThere,
}

/// A store that tells the truth, but for one lie.
#[derive(Debug)]
pub(super) struct Lying {
    pub(super) store: Arc<Faulty<ObjectStoreBlobs>>,
    pub(super) lie: Option<Lie>,
}

impl Lying {
    fn or_absent<T>(&self, found: Result<T, BlobError>, absent: T) -> Result<T, BlobError> {
        if self.lie == Some(Lie::FailuresAreAbsence) { Ok(found.unwrap_or(absent)) } else { found }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a wrapper that forgets a method hides it")]
impl BlobStore for Lying {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        self.or_absent(self.store.get(path).await, None)
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        if path.as_str() == "_registry.json" && self.lie.is_some() {
            return Ok(Fetched::Unchanged);
        }
        self.or_absent(self.store.get_if_changed(path, known).await, Fetched::Missing)
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.or_absent(self.store.open(path, range).await, None)
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        self.store.put(path, bytes, when).await
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        self.store.put_stream(path, stream).await
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.store.delete(path).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        self.store.list(prefix)
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.store.list_folders(prefix).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        self.store.signed_url(path, expires, options).await
    }
}

impl fmt::Display for Lying {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "lying({})", self.store)
    }
}
