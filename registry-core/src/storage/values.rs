use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{BlobPath, ByteStream};

/// A blob's content at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The content.
    pub bytes: Bytes,
    /// Identifies this state of the blob for [`When::Matches`].
    pub etag: BlobETag,
}

/// The outcome of [`BlobStore::get_if_changed`](super::BlobStore::get_if_changed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The current blob, which differs from the known one.
    Changed(Blob),
    /// The blob still has the known `ETag`.
    Unchanged,
    /// There is no blob.
    Missing,
}

/// The condition under which a blob is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Unconditionally.
    Always,
    /// Only if there is no blob.
    Absent,
    /// Only if the current blob has this `ETag`.
    Matches(BlobETag),
}

/// The outcome of a [`BlobStore::put`](super::BlobStore::put).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was stored"]
pub enum PutOutcome {
    /// Stored durably, under this `ETag`.
    Stored(BlobETag),
    /// The condition did not hold; nothing was changed.
    Conflict,
}

/// The store's identifier for one state of one blob. Opaque: callers only compare it and pass it back.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BlobETag {
    etag: Arc<str>,
    version: Option<Arc<str>>,
}

impl BlobETag {
    /// Creates an `ETag` as the store spells it.
    pub fn new(etag: impl Into<Arc<str>>) -> Self {
        Self { etag: etag.into(), version: None }
    }

    /// Adds the version that some stores (Google Cloud Storage) require in a condition.
    #[must_use]
    pub fn with_version(self, version: impl Into<Arc<str>>) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// Returns the `ETag` as the store spelled it.
    pub fn as_str(&self) -> &str {
        &self.etag
    }

    /// Returns the version, if the store has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl fmt::Debug for BlobETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            None => write!(formatter, "BlobETag({})", self.etag),
            Some(version) => write!(formatter, "BlobETag({}, version {version})", self.etag),
        }
    }
}

/// A byte range of a blob: from `start`, inclusive, to `end`, exclusive, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last one; `None` reads to the end.
    pub end: Option<u64>,
}

/// A blob opened for reading.
pub struct OpenBlob {
    /// The requested bytes, in order. If the blob is replaced in the meantime, the stream yields the old bytes or an
    /// error, never a mixture.
    pub stream: ByteStream,
    /// The length of the whole blob in bytes, even if a range was requested.
    pub length: u64,
    /// Identifies this state of the blob.
    pub etag: BlobETag,
}

impl fmt::Debug for OpenBlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenBlob")
            .field("length", &self.length)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBlob {
    /// The path of the blob.
    pub path: BlobPath,
    /// The blob's length in bytes.
    pub length: u64,
    /// When the blob was last written, by the store's clock.
    pub last_modified: DateTime<Utc>,
}

/// Headers for the answer to a signed URL, where the store supports them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedUrlOptions {
    /// The `Content-Type` of the answer.
    pub content_type: Option<String>,
    /// The `Cache-Control` of the answer.
    pub cache_control: Option<String>,
}
