use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::storage::{BlobETag, BlobError, BlobPath, BlobRange, BlobStore};
use crate::upstream::{PackumentForm, Validators};

/// What is known of a document is told in fewer bytes, so that it can be read alone.
const LONGEST_LINE: u64 = 16 << 10;

/// What is known of an upstream's packument that is kept in the store. It stands in the first line of the blob,
/// and the document below it, so that both change at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// When the upstream last said that this is the document.
    pub(super) checked: DateTime<Utc>,
    /// Names the content: the hex of a digest of it.
    pub(super) content: Arc<str>,
    /// Whether the document is in the abbreviated form.
    pub(super) abbreviated: bool,
    /// As if it had been checked then: set after a failure, so that the upstream is left alone for a while.
    #[serde(skip)]
    pub(super) believed_since: Option<DateTime<Utc>>,
}

/// Of a document that is older than the same package's other form: it is asked for again before it is served.
const SUPERSEDED: DateTime<Utc> = DateTime::UNIX_EPOCH;

impl Known {
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

    /// The same document, about which the upstream was just asked again.
    pub(super) fn checked_again(&self, now: DateTime<Utc>) -> Self {
        Self { checked: now, believed_since: None, ..self.clone() }
    }

    /// The same document, about which the upstream could not say anything.
    pub(super) fn believed_since(&self, since: DateTime<Utc>) -> Self {
        Self { believed_since: Some(since), ..self.clone() }
    }

    /// The same document, now that the package's other form has changed.
    pub(super) fn superseded(&self) -> Self {
        Self { checked: SUPERSEDED, believed_since: None, ..self.clone() }
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.checked == SUPERSEDED
    }

    /// Names the state of the document for what is made of it.
    pub(super) fn state(&self) -> BlobETag {
        BlobETag::new(Arc::clone(&self.content))
    }

    pub(super) fn validators(&self) -> Validators {
        Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() }
    }
}

/// The blob for a document.
pub(super) fn write(known: &Known, document: &[u8]) -> Result<Bytes, serde_json::Error> {
    let mut blob = serde_json::to_vec(known)?;
    if blob.len() as u64 >= LONGEST_LINE {
        // Without validators it is asked for whole the next time.
        blob = serde_json::to_vec(&Known { etag: None, last_modified: None, ..known.clone() })?;
    }
    blob.reserve_exact(document.len() + 1);
    blob.push(b'\n');
    blob.extend_from_slice(document);
    Ok(blob.into())
}

/// What a blob holds; `None` if it is damaged, which is as good as absent: the upstream has it still.
pub(super) fn read(blob: &Bytes) -> Option<(Known, Bytes)> {
    let end = blob.iter().position(|byte| *byte == b'\n')?;
    let known = serde_json::from_slice(&blob[..end]).ok()?;
    Some((known, blob.slice(end + 1..)))
}

/// What is known of the document that a blob at `path` holds, without reading the document.
pub(super) async fn read_known(store: &dyn BlobStore, path: &BlobPath) -> Result<Option<Known>, BlobError> {
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
        let known = Known::of(b"{\n}", PackumentForm::Full, validators, DateTime::UNIX_EPOCH);
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
