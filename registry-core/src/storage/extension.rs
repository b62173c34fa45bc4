use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt as _, iter};

use super::{Blob, BlobError, BlobPath, BlobStore, PutOutcome, When};

/// The largest blob that is sent at once, in bytes.
const WHOLE: usize = 16 << 20;

/// The chunk size for larger blobs, in bytes.
const PIECE: usize = 1 << 20;

/// Splits the bytes into chunks without copying them.
fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}

/// Convenience methods for every [`BlobStore`]. Not to be implemented.
#[async_trait]
pub trait BlobStoreExt: BlobStore {
    /// Returns the first blob found at one of `paths`, with its path. Duplicate paths are requested once.
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

    /// Stores a blob whose path identifies its content. An existing blob is written again, so that its age tells when it
    /// was last stored: a leftover of an earlier attempt could be swept as too old otherwise.
    ///
    /// A large one is sent as a stream, which stores upload in parts: only a failed part is retried.
    async fn put_content_addressed(&self, path: &BlobPath, bytes: Bytes) -> Result<(), BlobError> {
        if bytes.len() > WHOLE {
            return self.put_stream(path, iter(pieces(bytes)).map(Ok).boxed()).await.map(drop);
        }
        if let PutOutcome::Conflict = self.put(path, bytes.clone(), When::Absent).await? {
            let _ = self.put(path, bytes, When::Always).await?;
        }
        Ok(())
    }
}

impl<Store: BlobStore + ?Sized> BlobStoreExt for Store {}
