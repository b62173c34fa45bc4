mod failures;
mod list;
#[cfg(feature = "signed-urls")]
mod sign;
mod upload;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use object_store::{PutMode, PutOptions, PutResult, UpdateVersion};
use url::Url;

use super::regroup::Regrouped;
use super::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use failures::{failed, is_conflict, proves_absence};
use upload::{PART, Upload, UploadError};

/// A version that no object has: Google Cloud Storage uses microseconds since 1970.
const NO_VERSION: &str = "1";

/// A store over the `object_store` crate: memory, S3 and compatible stores, Google Cloud Storage, Azure.
///
/// The store must honor conditional writes; [`probe`](super::probe) checks that. Streams longer than 8 MiB are uploaded
/// in parts: give the bucket a rule that removes incomplete uploads, since a killed process cannot.
///
/// ```
/// use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, When};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let memory = std::sync::Arc::new(object_store::memory::InMemory::new());
/// let team = BlobPrefix::folder(BlobPath::parse("team")?);
/// let store = ObjectStoreBlobs::new(memory, "memory").with_prefix(team);
/// let _ = store.put(&BlobPath::parse("pear")?, "green".into(), When::Absent).await?;
/// assert_eq!(store.to_string(), "memory/team");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct ObjectStoreBlobs {
    store: Arc<dyn ObjectStore>,
    name: Arc<str>,
    prefix: BlobPrefix,
    #[cfg(feature = "signed-urls")]
    signer: Option<Arc<dyn object_store::signer::Signer>>,
    lists_in_order: bool,
}

impl ObjectStoreBlobs {
    /// Creates an empty store in memory, which is dropped with its last clone.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()), "memory").with_ordered_listing()
    }

    /// Wraps `store`, which errors and logs call `name`: use `s3://bucket`, without credentials.
    pub fn new(store: Arc<dyn ObjectStore>, name: impl Into<Arc<str>>) -> Self {
        Self {
            store,
            name: name.into(),
            prefix: BlobPrefix::ROOT,
            #[cfg(feature = "signed-urls")]
            signer: None,
            lists_in_order: false,
        }
    }

    /// Stores everything below `prefix`, which becomes the root of this store. Replaces an earlier prefix.
    #[must_use]
    pub fn with_prefix(self, prefix: BlobPrefix) -> Self {
        Self { prefix, ..self }
    }

    /// Declares that the store lists keys in bytewise order, as S3 (except for directory buckets) and Google Cloud
    /// Storage do, so that listings stream. Without this, a listing is collected in memory and sorted.
    #[must_use]
    pub fn with_ordered_listing(self) -> Self {
        Self { lists_in_order: true, ..self }
    }

    fn location(&self, path: &BlobPath) -> Result<Path, BlobError> {
        let whole = match self.prefix.path() {
            None => Path::parse(path.as_str()),
            Some(folder) => Path::parse(format!("{folder}/{path}")),
        };
        whole.map_err(|error| self.failed(path, error.into()))
    }

    fn failed(&self, path: &dyn fmt::Display, error: Error) -> BlobError {
        failed(self, path, error)
    }

    fn unproven(&self, path: &BlobPath, why: &'static str) -> BlobError {
        BlobError::Unavailable { store: self.to_string(), path: path.to_string(), source: why.into() }
    }

    async fn get_with(&self, path: &BlobPath, options: GetOptions) -> Result<Fetched, BlobError> {
        let result = match self.store.get_opts(&self.location(path)?, options).await {
            Ok(result) => result,
            Err(error) if proves_absence(&error) => return Ok(Fetched::Missing),
            Err(Error::NotModified { .. }) => return Ok(Fetched::Unchanged),
            Err(error) => return Err(self.failed(path, error)),
        };
        let etag = self.etag_of(path, &result.meta)?;
        let bytes = result.bytes().await.map_err(|error| self.failed(path, error))?;
        Ok(Fetched::Changed(Blob { bytes, etag }))
    }

    /// Returns only the length and the `ETag`, as a blob without bytes.
    async fn open_nothing(&self, path: &BlobPath) -> Result<Option<OpenBlob>, BlobError> {
        match self.store.head(&self.location(path)?).await {
            Ok(meta) => Ok(Some(OpenBlob {
                stream: stream::empty().boxed(),
                length: meta.size,
                etag: self.etag_of(path, &meta)?,
            })),
            // A HEAD has no body that could prove the absence.
            Err(Error::NotFound { .. }) => match self.get_with(path, GetOptions::default()).await? {
                Fetched::Missing => Ok(None),
                _ => Err(self.unproven(path, "a blob came while its length was asked for")),
            },
            Err(error) => Err(self.failed(path, error)),
        }
    }

    fn opened(&self, path: &BlobPath, result: GetResult) -> Result<OpenBlob, BlobError> {
        let (etag, length) = (self.etag_of(path, &result.meta)?, result.meta.size);
        let (store, path) = (self.clone(), path.clone());
        let stream = result.into_stream().map(move |chunk| chunk.map_err(|error| store.failed(&path, error)));
        Ok(OpenBlob { stream: stream.boxed(), length, etag })
    }

    fn etag_of(&self, path: &BlobPath, meta: &ObjectMeta) -> Result<BlobETag, BlobError> {
        self.etag(path, meta.e_tag.clone(), meta.version.clone())
    }

    fn etag_put(&self, path: &BlobPath, result: PutResult) -> Result<BlobETag, BlobError> {
        self.etag(path, result.e_tag, result.version)
    }

    fn etag(
        &self,
        path: &BlobPath,
        etag: Option<String>,
        version: Option<String>,
    ) -> Result<BlobETag, BlobError> {
        let Some(etag) = etag else {
            return Err(
                self.unproven(path, "the store names no ETag, and without one no change can be made safely")
            );
        };
        let etag = BlobETag::new(etag);
        Ok(version.into_iter().fold(etag, BlobETag::with_version))
    }
}

/// Converts the range to the client's type, or `None` if it is empty, which the client would reject.
fn get_range(range: BlobRange) -> Option<GetRange> {
    match range.end {
        None => Some(GetRange::Offset(range.start)),
        Some(end) if range.start < end => Some(GetRange::Bounded(range.start..end)),
        Some(_) => None,
    }
}

#[async_trait]
impl BlobStore for ObjectStoreBlobs {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        match self.get_with(path, GetOptions::default()).await? {
            Fetched::Changed(blob) => Ok(Some(blob)),
            Fetched::Missing | Fetched::Unchanged => Ok(None),
        }
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        self.get_with(path, GetOptions::default().with_if_none_match(Some(known.as_str()))).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        let options = match range.map(get_range) {
            None => GetOptions::default(),
            Some(Some(range)) => GetOptions::default().with_range(Some(range)),
            Some(None) => return self.open_nothing(path).await,
        };
        match self.store.get_opts(&self.location(path)?, options).await {
            Ok(result) => self.opened(path, result).map(Some),
            Err(error) if proves_absence(&error) => Ok(None),
            Err(error) => match range {
                // Each store has its own error for a range that begins after the end; the length decides for all of
                // them.
                Some(range) => match self.open_nothing(path).await? {
                    Some(blob) if range.start < blob.length => Err(self.failed(path, error)),
                    after_the_end => Ok(after_the_end),
                },
                None => Err(self.failed(path, error)),
            },
        }
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let updates = matches!(when, When::Matches(_));
        let conditional = when != When::Always;
        let mode = match when {
            When::Always => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            // S3 and Azure compare the ETag, Google Cloud Storage the version, which must then be present.
            When::Matches(etag) => PutMode::Update(UpdateVersion {
                e_tag: Some(etag.as_str().to_owned()),
                version: Some(etag.version().unwrap_or(NO_VERSION).to_owned()),
            }),
        };
        match self.store.put_opts(&self.location(path)?, bytes.into(), PutOptions::from(mode)).await {
            Ok(result) => self.etag_put(path, result).map(PutOutcome::Stored),
            Err(error) if conditional && is_conflict(&error) => Ok(PutOutcome::Conflict),
            Err(error) if updates && proves_absence(&error) => Ok(PutOutcome::Conflict),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let location = self.location(path)?;
        let mut parts = Regrouped::new(path, stream, PART);
        let first = parts.next().await?.unwrap_or_default();
        let result = if first.len() < PART {
            self.store.put(&location, first.into()).await.map_err(UploadError::Store)
        } else {
            let upload =
                self.store.put_multipart(&location).await.map_err(|error| self.failed(path, error))?;
            Upload::new(upload).send(first, &mut parts).await
        };
        match result {
            Ok(result) => self.etag_put(path, result),
            Err(UploadError::Stream(error)) => Err(error),
            Err(UploadError::Store(error)) => Err(self.failed(path, error)),
        }
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        match self.store.delete(&self.location(path)?).await {
            Ok(()) => Ok(()),
            Err(error) if proves_absence(&error) => Ok(()),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        list::blobs(self, prefix)
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        list::folders(self, prefix).await
    }

    #[cfg(feature = "signed-urls")]
    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let url = sign::url(signer.as_ref(), &self.location(path)?, expires, options).await;
        url.map(Some).map_err(|error| self.failed(path, error))
    }

    #[cfg(not(feature = "signed-urls"))]
    async fn signed_url(
        &self,
        _: &BlobPath,
        _: Duration,
        _: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        Ok(None)
    }
}

impl fmt::Display for ObjectStoreBlobs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.path() {
            None => formatter.write_str(&self.name),
            Some(folder) => write!(formatter, "{}/{folder}", self.name),
        }
    }
}
