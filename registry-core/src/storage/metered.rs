use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tracing::Instrument as _;
use tracing::field::Empty;
use url::Url;

use super::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use crate::measurements::{Count, DurationMeters, OperationMeasurements, Timing};
use crate::traces::inner_span;

/// The methods of [`BlobStore`].
#[derive(Debug, Clone, Copy)]
enum Operation {
    Get,
    GetIfChanged,
    Open,
    Put,
    PutStream,
    Delete,
    List,
    ListFolders,
    SignedUrl,
}

/// Their names in metrics, in the order of [`Operation`].
const OPERATIONS: [&str; 9] =
    ["get", "get_if_changed", "open", "put", "put_stream", "delete", "list", "list_folders", "signed_url"];

impl Operation {
    fn name(self) -> &'static str {
        OPERATIONS.get(self as usize).copied().unwrap_or_default()
    }
}

/// Measures the operations of a store.
#[derive(Debug)]
pub(crate) struct StorageMeter {
    durations: DurationMeters,
    /// How often each operation failed: without an answer, and refused.
    failures: [(Count, Count); OPERATIONS.len()],
    conflicts: Count,
    /// Whether the store refused the last write that it answered.
    refuses_writes: AtomicBool,
}

impl StorageMeter {
    fn new() -> Self {
        Self {
            durations: DurationMeters::new(OPERATIONS.len()),
            failures: Default::default(),
            conflicts: Count::default(),
            refuses_writes: AtomicBool::new(false),
        }
    }

    /// Returns what each operation did, and the conflicts.
    pub(crate) fn measurements(&self) -> (Vec<OperationMeasurements>, u64) {
        let failures = self.failures.iter().map(|(unavailable, refused)| (unavailable.get(), refused.get()));
        let measured = OPERATIONS.into_iter().zip(self.durations.durations()).zip(failures);
        let operations = measured.map(|((operation, durations), failures)| {
            OperationMeasurements::new(operation, durations, failures)
        });
        (operations.collect(), self.conflicts.get())
    }

    /// Whether the store refused the last write that it answered.
    pub(crate) fn refuses_writes(&self) -> bool {
        self.refuses_writes.load(Ordering::Relaxed)
    }

    fn begin(&self, operation: Operation) -> Timing {
        self.durations.begin(operation as usize)
    }

    fn failed(&self, operation: Operation, error: &BlobError) {
        let Some((unavailable, refused)) = self.failures.get(operation as usize) else { return };
        match error {
            BlobError::Unavailable { .. } => unavailable.add_one(),
            BlobError::Refused { .. } => refused.add_one(),
            // The error of the caller's own stream.
            BlobError::Stream { .. } => {}
        }
    }

    /// Notes the outcome of a write.
    fn wrote<T>(&self, written: &Result<T, BlobError>) {
        match written {
            Ok(_) => self.refuses_writes.store(false, Ordering::Relaxed),
            Err(BlobError::Refused { .. }) => self.refuses_writes.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
    }
}

/// A store whose operations are measured.
pub(crate) struct MeteredStore {
    store: Arc<dyn BlobStore>,
    meter: Arc<StorageMeter>,
}

impl MeteredStore {
    /// Wraps `store`, and returns the meter beside it.
    pub(crate) fn wrap(store: Arc<dyn BlobStore>) -> (Arc<dyn BlobStore>, Arc<StorageMeter>) {
        let meter = Arc::new(StorageMeter::new());
        (Arc::new(Self { store, meter: Arc::clone(&meter) }), meter)
    }

    async fn measure<T: Send>(
        &self,
        operation: Operation,
        answer: impl Future<Output = Result<T, BlobError>> + Send,
    ) -> Result<T, BlobError> {
        let span = inner_span!("storage", otel.name = %format_args!("storage {}", operation.name()), otel.status_code = Empty);
        let timing = self.meter.begin(operation);
        let answer = answer.instrument(span.clone()).await;
        drop(timing);
        if let Err(error) = &answer {
            self.meter.failed(operation, error);
            span.record("otel.status_code", "ERROR");
        }
        answer
    }
}

impl fmt::Debug for MeteredStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, formatter)
    }
}

impl fmt::Display for MeteredStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.store, formatter)
    }
}

#[async_trait]
impl BlobStore for MeteredStore {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        self.measure(Operation::Get, self.store.get(path)).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        self.measure(Operation::GetIfChanged, self.store.get_if_changed(path, known)).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.measure(Operation::Open, self.store.open(path, range)).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let stored = self.measure(Operation::Put, self.store.put(path, bytes, when)).await;
        self.meter.wrote(&stored);
        if let Ok(PutOutcome::Conflict) = stored {
            self.meter.conflicts.add_one();
        }
        stored
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let stored = self.measure(Operation::PutStream, self.store.put_stream(path, stream)).await;
        self.meter.wrote(&stored);
        stored
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.measure(Operation::Delete, self.store.delete(path)).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let meter = Arc::clone(&self.meter);
        let mut until_first = Some(meter.begin(Operation::List));
        let listed = self.store.list(prefix).inspect(move |blob| {
            until_first.take();
            if let Err(error) = blob {
                meter.failed(Operation::List, error);
            }
        });
        listed.boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.measure(Operation::ListFolders, self.store.list_folders(prefix)).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        self.measure(Operation::SignedUrl, self.store.signed_url(path, expires, options)).await
    }
}
