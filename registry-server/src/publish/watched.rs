use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use url::Url;

use super::meter::Meter;
use super::outcome::Interrupted;

/// The suffix of tarball paths.
const TARBALL: &str = ".tgz";

/// The state that the command and its store share.
#[derive(Default)]
pub(super) struct Watch {
    meter: Mutex<Option<Meter>>,
    /// The exit code, once a signal arrived.
    signal: AtomicI32,
}

impl Watch {
    fn meter(&self) -> MutexGuard<'_, Option<Meter>> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, meter: Meter) {
        *self.meter() = Some(meter);
    }

    pub(super) fn end(&self, well: bool) {
        if let Some(meter) = self.meter().take() {
            meter.end(well);
        }
    }

    fn stored(&self, bytes: u64) {
        if let Some(meter) = self.meter().as_mut() {
            meter.add(bytes);
        }
    }

    /// Rejects every further byte of a tarball. A tarball that is already stored is still published and reported.
    pub(super) fn stop(&self, code: i32) {
        self.signal.store(code, Ordering::Release);
    }

    pub(super) fn check(&self) -> Result<(), Interrupted> {
        match self.signal.load(Ordering::Acquire) {
            0 => Ok(()),
            code => Err(Interrupted::by(u8::try_from(code).unwrap_or(1))),
        }
    }
}

/// A store that reports the progress of tarballs, and rejects their bytes once a signal arrived. Packuments are still
/// written, so that a publish that reached its commit completes.
pub(super) struct Watched {
    store: Arc<dyn BlobStore>,
    watch: Arc<Watch>,
    /// Whether no write at all is permitted.
    is_trial: bool,
}

impl Watched {
    pub(super) fn new(store: Arc<dyn BlobStore>, watch: Arc<Watch>, is_trial: bool) -> Self {
        Self { store, watch, is_trial }
    }

    fn check(&self, path: &BlobPath) -> Result<(), BlobError> {
        if self.is_trial {
            return Err(refused(self, path, "a dry run writes nothing"));
        }
        match self.watch.check() {
            Err(interrupted) if is_tarball(path) => Err(refused(self, path, interrupted)),
            _ => Ok(()),
        }
    }
}

fn is_tarball(path: &BlobPath) -> bool {
    path.as_str().ends_with(TARBALL)
}

fn refused(
    store: &dyn fmt::Display,
    path: &BlobPath,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> BlobError {
    BlobError::Refused { store: store.to_string(), path: path.to_string(), source: source.into() }
}

#[async_trait]
impl BlobStore for Watched {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        self.store.get(path).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        self.store.get_if_changed(path, known).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.store.open(path, range).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        self.check(path)?;
        let length = bytes.len() as u64;
        let outcome = self.store.put(path, bytes, when).await?;
        if is_tarball(path) {
            self.watch.stored(length);
        }
        Ok(outcome)
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        self.check(path)?;
        if !is_tarball(path) {
            return self.store.put_stream(path, stream).await;
        }
        let (watch, name, stopped_at) = (Arc::clone(&self.watch), self.to_string(), path.clone());
        // Asking for the next piece implies that the previous one was accepted.
        let mut taken = 0;
        let watched = stream.map(move |piece| {
            watch.stored(std::mem::take(&mut taken));
            watch.check().map_err(|interrupted| refused(&name, &stopped_at, interrupted))?;
            piece.inspect(|piece| taken = piece.len() as u64)
        });
        self.store.put_stream(path, watched.boxed()).await
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.check(path)?;
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

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watched").field("store", &self.store).finish_non_exhaustive()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}
