use std::collections::HashSet;

use async_trait::async_trait;

use super::{Blob, BlobError, BlobPath, BlobStore, PutOutcome};

/// Sugar over [`BlobStore`], for every store. Not to be implemented.
#[async_trait]
pub trait BlobStoreExt: BlobStore {
    /// The first blob found at one of `paths`, with the path it was at. Paths that occur twice are asked once.
    async fn get_first<'paths>(
        &self,
        paths: &'paths [BlobPath],
    ) -> Result<Option<(&'paths BlobPath, Blob)>, BlobError> {
        let mut asked = HashSet::new();
        for path in paths {
            if asked.insert(path)
                && let Some(blob) = self.get(path).await?
            {
                return Ok(Some((path, blob)));
            }
        }
        Ok(None)
    }

    /// Stores a blob whose path names its content: that it is there already is a success.
    async fn put_content_addressed(&self, path: &BlobPath, bytes: bytes::Bytes) -> Result<(), BlobError> {
        match self.put(path, bytes, super::When::Absent).await? {
            PutOutcome::Stored(_) | PutOutcome::Conflict => Ok(()),
        }
    }
}

impl<Store: BlobStore + ?Sized> BlobStoreExt for Store {}
