use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt as _, iter};

use super::{Blob, BlobError, BlobPath, BlobStore, PutOutcome};

/// Up to how many bytes a blob is sent at once.
const WHOLE: usize = 16 << 20;

/// How many bytes of a larger one are handed over at a time.
const PIECE: usize = 1 << 20;

/// The bytes piece by piece, none of them copied.
fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}

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
    ///
    /// A large one goes as a stream, which stores take in parts: a part that fails is sent again, and not all of it.
    async fn put_content_addressed(&self, path: &BlobPath, bytes: Bytes) -> Result<(), BlobError> {
        if bytes.len() > WHOLE {
            return self.put_stream(path, iter(pieces(bytes)).map(Ok).boxed()).await.map(drop);
        }
        match self.put(path, bytes, super::When::Absent).await? {
            PutOutcome::Stored(_) | PutOutcome::Conflict => Ok(()),
        }
    }
}

impl<Store: BlobStore + ?Sized> BlobStoreExt for Store {}
