use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use registry_core::storage::{
    Blob, BlobETag, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, ListedBlob, OpenBlob, PutOutcome,
    When,
};

use super::super::check::{Failure, Verdict, ensure};
use super::BlobStoreCapabilities;

/// What a check works with: the store, and short words for what most checks do with it.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) capabilities: BlobStoreCapabilities,
    used: Arc<Mutex<Vec<BlobPath>>>,
}

impl Ground {
    pub(super) fn new(store: Arc<dyn BlobStore>, capabilities: BlobStoreCapabilities) -> Self {
        Self { store, capabilities, used: Arc::default() }
    }

    /// A path, remembered so that it is deleted after the check.
    #[expect(clippy::expect_used, reason = "the paths of the checks are constants")]
    pub(super) fn path(&self, path: &str) -> BlobPath {
        let path = BlobPath::parse(&format!("conformance/{path}")).expect("checks use valid paths");
        self.used.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        path
    }

    pub(super) fn folder(&self, folder: &str) -> BlobPrefix {
        BlobPrefix::folder(self.path(folder))
    }

    pub(super) fn used(&self) -> Vec<BlobPath> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts, which must succeed.
    pub(super) async fn put(
        &self,
        path: &BlobPath,
        bytes: impl Into<Bytes>,
        when: When,
    ) -> Result<BlobETag, Failure> {
        match self.store.put(path, bytes.into(), when.clone()).await? {
            PutOutcome::Stored(etag) => Ok(etag),
            PutOutcome::Conflict => {
                Err(Failure(format!("put {path} {when:?}: a conflict, though the condition holds")))
            }
        }
    }

    /// Puts, which must be a conflict.
    pub(super) async fn put_in_vain(&self, path: &BlobPath, when: When) -> Verdict {
        match self.store.put(path, "in vain".into(), when.clone()).await? {
            PutOutcome::Stored(_) => {
                Err(Failure(format!("put {path} {when:?}: stored, though the condition fails")))
            }
            PutOutcome::Conflict => Ok(()),
        }
    }

    /// The blob, which must be there.
    pub(super) async fn get(&self, path: &BlobPath) -> Result<Blob, Failure> {
        self.store.get(path).await?.ok_or_else(|| Failure(format!("get {path}: missing")))
    }

    /// The blob opened, which must be there.
    pub(super) async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<OpenBlob, Failure> {
        self.store.open(path, range).await?.ok_or_else(|| Failure(format!("open {path}: missing")))
    }

    /// Fails unless the blob holds `bytes`.
    pub(super) async fn expect(&self, path: &BlobPath, bytes: impl Into<Bytes> + Send) -> Verdict {
        let (found, wanted) = (self.get(path).await?.bytes, bytes.into());
        ensure!(found == wanted, "get {path}: {} instead of {}", brief(&found), brief(&wanted));
        Ok(())
    }

    /// Fails unless there is no blob, in every way to ask.
    pub(super) async fn expect_missing(&self, path: &BlobPath) -> Verdict {
        ensure!(self.store.get(path).await?.is_none(), "get {path}: there, and should not be");
        ensure!(self.store.open(path, None).await?.is_none(), "open {path}: there, and should not be");
        Ok(())
    }

    /// The paths below a folder in the order of the listing.
    pub(super) async fn list(&self, prefix: &BlobPrefix) -> Result<Vec<ListedBlob>, Failure> {
        Ok(self.store.list(prefix).try_collect().await?)
    }
}

/// All bytes of a stream.
pub(super) async fn gather(stream: ByteStream) -> Result<Vec<u8>, Failure> {
    let chunks: Vec<Bytes> = stream.try_collect().await?;
    Ok(chunks.concat())
}

/// A stream of these chunks.
pub(super) fn stream_of(chunks: Vec<Bytes>) -> ByteStream {
    stream::iter(chunks.into_iter().map(Ok)).boxed()
}

/// `length` bytes that repeat only after a prime number of bytes, so that a swapped or repeated part shows.
pub(super) fn pattern(length: usize) -> Bytes {
    const PERIOD: usize = 65_521;
    let period: Vec<u8> =
        (0..PERIOD).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let mut bytes = period.repeat(length / PERIOD + 1);
    bytes.truncate(length);
    bytes.into()
}

/// Bytes as a message can show them.
pub(super) fn brief(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 60 => format!("{text:?}"),
        _ => format!("{} bytes", bytes.len()),
    }
}
