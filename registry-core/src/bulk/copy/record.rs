use futures::TryStreamExt as _;

use crate::Error;
use crate::bulk::BulkError;
use crate::storage::{
    BlobPath, BlobPrefix, BlobStore, CopyRecord, Key, ListedBlob, PutOutcome, StoredPath, When,
};

use super::{path, refused};

/// Reads the record of a copy.
pub(super) async fn read_record(store: &dyn BlobStore) -> Result<Option<CopyRecord>, BulkError> {
    let path = path(Key::CopyRecord)?;
    let Some(blob) = store.get(&path).await.map_err(BulkError::of_object(&path))? else { return Ok(None) };
    let record = serde_json::from_slice(&blob.bytes).map_err(|_| {
        refused("_copy.json cannot be read: delete it and everything beside it, and run the command again")
    })?;
    Ok(Some(record))
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

/// Whether a store holds nothing, but for what a probe left.
pub(super) async fn is_empty(store: &dyn BlobStore) -> Result<bool, BulkError> {
    first(store, |_| true).await.map(|found| found.is_none())
}

/// Returns the first object that is newer than the record of a finished copy, which was written last.
pub(super) async fn written_since_finished(store: &dyn BlobStore) -> Result<Option<BlobPath>, BulkError> {
    let path = path(Key::CopyRecord)?;
    let Some(record) = first(store, |blob| blob.path == path).await? else { return Ok(None) };
    let newer = first(store, |blob| blob.last_modified > record.last_modified).await?;
    Ok(newer.map(|blob| blob.path))
}

/// Returns the first object that is meant, but for what a probe left.
async fn first(
    store: &dyn BlobStore,
    is_meant: impl Fn(&ListedBlob) -> bool,
) -> Result<Option<ListedBlob>, BulkError> {
    let mut listed = store.list(&BlobPrefix::ROOT);
    while let Some(blob) = listed.try_next().await.map_err(BulkError::Listing)? {
        if is_meant(&blob) && StoredPath::of(&blob.path) != StoredPath::Probe {
            return Ok(Some(blob));
        }
    }
    Ok(None)
}
