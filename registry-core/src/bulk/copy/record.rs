use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bulk::BulkError;
use crate::storage::{BlobPrefix, BlobStore, Key, PutOutcome, When};

use super::path;

/// What a copy says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopyRecord {
    /// The id of the store that it is a copy of.
    pub(super) registry: String,
    /// Whether it is complete. If it is, it was written last.
    #[serde(rename = "finished")]
    pub(super) is_finished: bool,
}

/// The part of the marker that identifies a store.
#[derive(Deserialize)]
struct Identity {
    id: String,
}

impl CopyRecord {
    pub(super) fn of_marker(marker: &[u8]) -> Option<Self> {
        let Identity { id } = serde_json::from_slice(marker).ok()?;
        Some(Self { registry: id, is_finished: false })
    }
}

/// Reads the record of a copy, and when it was written.
pub(super) async fn read_record(
    store: &dyn BlobStore,
) -> Result<Option<(CopyRecord, DateTime<Utc>)>, BulkError> {
    let path = path(Key::CopyRecord)?;
    let Some(blob) = store.get(&path).await.map_err(BulkError::of_object(&path))? else { return Ok(None) };
    let record = serde_json::from_slice(&blob.bytes).map_err(|_| BulkError::NoCopy {
        reason: "_copy.json cannot be read: delete it and everything beside it, and run the command again"
            .to_owned(),
    })?;
    let mut listed = store.list(&BlobPrefix::ROOT);
    while let Some(blob) = listed.try_next().await.map_err(BulkError::Listing)? {
        if blob.path == path {
            return Ok(Some((record, blob.last_modified)));
        }
    }
    Ok(None)
}

/// Writes the record. Returns whether the condition held.
pub(super) async fn write_record(
    store: &dyn BlobStore,
    record: &CopyRecord,
    when: When,
) -> Result<bool, BulkError> {
    let path = path(Key::CopyRecord)?;
    let json = serde_json::to_vec(record).map_err(|error| BulkError::Packages(Error::internal(error)))?;
    let outcome = store.put(&path, json.into(), when).await.map_err(BulkError::of_object(&path))?;
    Ok(matches!(outcome, PutOutcome::Stored(_)))
}
