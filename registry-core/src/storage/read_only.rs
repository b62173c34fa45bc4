//! A store that refuses every write.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use url::Url;

use super::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};

/// A store that is only read: each write is refused, and changes nothing.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::storage::{BlobError, BlobPath, BlobStore, ObjectStoreBlobs, ReadOnly, When};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = ReadOnly::new(Arc::new(ObjectStoreBlobs::in_memory()));
/// let refused = store.put(&BlobPath::parse("pear")?, "green".into(), When::Always).await;
/// assert!(matches!(refused, Err(BlobError::Refused { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct ReadOnly(Arc<dyn BlobStore>);

impl ReadOnly {
    /// Makes a store read-only.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self(store)
    }

    fn refused(&self, path: &BlobPath) -> BlobError {
        let source = "it is only read".into();
        BlobError::Refused { store: self.0.to_string(), path: path.to_string(), source }
    }
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[async_trait]
impl BlobStore for ReadOnly {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        self.0.get(path).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        self.0.get_if_changed(path, known).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.0.open(path, range).await
    }

    async fn put(&self, path: &BlobPath, _: Bytes, _: When) -> Result<PutOutcome, BlobError> {
        Err(self.refused(path))
    }

    async fn put_stream(&self, path: &BlobPath, _: ByteStream) -> Result<BlobETag, BlobError> {
        Err(self.refused(path))
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        Err(self.refused(path))
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        self.0.list(prefix)
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.0.list_folders(prefix).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        self.0.signed_url(path, expires, options).await
    }
}
