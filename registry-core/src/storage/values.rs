use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{BlobPath, ByteStream};

/// A blob as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The content.
    pub bytes: Bytes,
    /// Names this state of the blob for [`When::Matches`].
    pub etag: BlobETag,
}

/// What [`BlobStore::get_if_changed`](super::BlobStore::get_if_changed) found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The blob now, which is not the one known.
    Changed(Blob),
    /// Still the blob with the `ETag` that was known.
    Unchanged,
    /// No blob.
    Missing,
}

/// Under which condition a blob is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Whatever is there.
    Always,
    /// Only if nothing is there.
    Absent,
    /// Only if the blob there has this `ETag`.
    Matches(BlobETag),
}

/// What came of a [`BlobStore::put`](super::BlobStore::put).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was stored"]
pub enum PutOutcome {
    /// Stored durably, under this `ETag`.
    Stored(BlobETag),
    /// The condition did not hold; nothing was changed.
    Conflict,
}

/// The store's own name for one state of one blob. Opaque: compare it, hand it back, nothing else.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BlobETag {
    etag: Arc<str>,
    version: Option<Arc<str>>,
}

impl BlobETag {
    /// An `ETag` as the store spells it.
    pub fn new(etag: impl Into<Arc<str>>) -> Self {
        Self { etag: etag.into(), version: None }
    }

    /// Adds the version that some stores (Google Cloud Storage) want to see in a condition.
    #[must_use]
    pub fn with_version(self, version: impl Into<Arc<str>>) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// The `ETag` as the store spelled it.
    pub fn as_str(&self) -> &str {
        &self.etag
    }

    /// The version, where the store has one.
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

/// Which bytes of a blob to read: from `start`, inclusive, to `end`, exclusive, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last one; `None` reads to the end.
    pub end: Option<u64>,
}

/// A blob opened for reading.
pub struct OpenBlob {
    /// The bytes asked for, in order. A blob replaced meanwhile gives its old bytes or an error, never a mixture.
    pub stream: ByteStream,
    /// The length of the whole blob in bytes, also when a range was asked for.
    pub length: u64,
    /// Names this state of the blob.
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

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBlob {
    /// Where it is.
    pub path: BlobPath,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last written, by the store's clock.
    pub last_modified: DateTime<Utc>,
}

/// What the answer to a signed URL should say, where the store can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedUrlOptions {
    /// The `Content-Type` of the answer.
    pub content_type: Option<String>,
    /// The `Cache-Control` of the answer.
    pub cache_control: Option<String>,
}
