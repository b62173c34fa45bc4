use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::storage::{BlobETag, BlobError, BlobPath, BlobRange, BlobStore};
use crate::upstream::{PackumentForm, Validators};

/// The metadata line is shorter than this, so that it can be read without the document.
const LONGEST_LINE: u64 = 16 << 10;

/// The metadata of a cached upstream packument. It is the first line of the blob, followed by the document, so that
/// both change atomically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CacheEntry {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// When the upstream last confirmed this document.
    pub(super) checked: DateTime<Utc>,
    /// Identifies the content: the hex digest of it.
    pub(super) content: Arc<str>,
    /// Whether the document is in the abbreviated form.
    pub(super) abbreviated: bool,
    /// Counts as checked at this time: set after a failure, so that the upstream is not asked again for a while.
    #[serde(skip)]
    pub(super) believed_since: Option<DateTime<Utc>>,
}

/// Marks a document as older than the package's other form: it is revalidated before it is served.
const SUPERSEDED: DateTime<Utc> = DateTime::UNIX_EPOCH;

impl CacheEntry {
    pub(super) fn of(
        document: &[u8],
        form: PackumentForm,
        validators: Validators,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            etag: validators.etag,
            last_modified: validators.last_modified,
            checked: now,
            content: const_hex::encode(&Sha256::digest(document)[..16]).into(),
            abbreviated: form == PackumentForm::Abbreviated,
            believed_since: None,
        }
    }

    /// The same document, just revalidated with the upstream.
    pub(super) fn checked_again(&self, now: DateTime<Utc>) -> Self {
        Self { checked: now, believed_since: None, ..self.clone() }
    }

    /// The same document, after a revalidation failed.
    pub(super) fn believed_since(&self, since: DateTime<Utc>) -> Self {
        Self { believed_since: Some(since), ..self.clone() }
    }

    /// The same document, once the package's other form has changed.
    pub(super) fn superseded(&self) -> Self {
        Self { checked: SUPERSEDED, believed_since: None, ..self.clone() }
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.checked == SUPERSEDED
    }

    /// Identifies the state of the document for derived values.
    pub(super) fn state(&self) -> BlobETag {
        BlobETag::new(Arc::clone(&self.content))
    }

    pub(super) fn validators(&self) -> Validators {
        Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() }
    }
}

/// Encodes the blob for a document.
pub(super) fn write(known: &CacheEntry, document: &[u8]) -> Result<Bytes, serde_json::Error> {
    let mut blob = serde_json::to_vec(known)?;
    if blob.len() as u64 >= LONGEST_LINE {
        // Without validators, the next request fetches the whole document.
        blob = serde_json::to_vec(&CacheEntry { etag: None, last_modified: None, ..known.clone() })?;
    }
    blob.reserve_exact(document.len() + 1);
    blob.push(b'\n');
    blob.extend_from_slice(document);
    Ok(blob.into())
}

/// Decodes a blob; `None` if it is damaged, which counts as a cache miss: the upstream still has the document.
pub(super) fn read(blob: &Bytes) -> Option<(CacheEntry, Bytes)> {
    let end = blob.iter().position(|byte| *byte == b'\n')?;
    let known = serde_json::from_slice(&blob[..end]).ok()?;
    Some((known, blob.slice(end + 1..)))
}

/// Reads the metadata of the blob at `path` without the document.
pub(super) async fn read_known(
    store: &dyn BlobStore,
    path: &BlobPath,
) -> Result<Option<CacheEntry>, BlobError> {
    let Some(blob) = store.open(path, Some(BlobRange { start: 0, end: Some(LONGEST_LINE) })).await? else {
        return Ok(None);
    };
    let chunks: Vec<Bytes> = blob.stream.try_collect().await?;
    Ok(read(&chunks.concat().into()).map(|(known, _)| known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_gives_back_both_parts() {
        let validators = Validators { etag: Some("\"1\"".into()), last_modified: None };
        let known = CacheEntry::of(b"{\n}", PackumentForm::Full, validators, DateTime::UNIX_EPOCH);
        let blob = write(&known, b"{\n}").unwrap();
        assert_eq!(read(&blob), Some((known, Bytes::from_static(b"{\n}"))));
    }

    #[test]
    fn a_damaged_blob_gives_nothing() {
        for blob in ["", "{}", "{}\n{}", "\n"] {
            assert_eq!(read(&Bytes::from_static(blob.as_bytes())), None, "{blob:?}");
        }
    }
}
