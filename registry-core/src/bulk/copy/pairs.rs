use std::cmp::Ordering;
use std::pin::Pin;

use futures::stream::{self, BoxStream, Peekable};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::bulk::{BulkError, BulkStream};
use crate::storage::{BlobError, BlobPath, BlobPrefix, BlobStore, ListedBlob};

/// A path, as the source and the copy list it.
pub(super) struct Pair {
    pub(super) path: BlobPath,
    pub(super) from: Option<ListedBlob>,
    pub(super) to: Option<ListedBlob>,
}

type Listing = Pin<Box<Peekable<BoxStream<'static, Result<ListedBlob, BlobError>>>>>;

/// Walks through two listings side by side. Both are sorted.
pub(super) fn pairs(from: &dyn BlobStore, to: &dyn BlobStore) -> BulkStream<Pair> {
    let list = |store: &dyn BlobStore| -> Listing { Box::pin(store.list(&BlobPrefix::ROOT).peekable()) };
    stream::try_unfold((list(from), list(to)), |(mut from, mut to)| async move {
        let order = match (from.as_mut().peek().await, to.as_mut().peek().await) {
            (None, None) => return Ok(None),
            (Some(Ok(left)), Some(Ok(right))) => left.path.as_str().cmp(right.path.as_str()),
            (Some(_), None) | (Some(Err(_)), _) => Ordering::Less,
            (None, Some(_)) | (_, Some(Err(_))) => Ordering::Greater,
        };
        let left = if order.is_le() { from.try_next().await? } else { None };
        let right = if order.is_ge() { to.try_next().await? } else { None };
        let path = left.as_ref().or(right.as_ref()).map(|blob| blob.path.clone());
        Ok(path.map(|path| (Pair { path, from: left, to: right }, (from, to))))
    })
    .map_err(BulkError::Listing)
    .boxed()
}
