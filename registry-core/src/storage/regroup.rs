use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::Fuse;

use super::{BlobError, BlobPath, ByteStream};

/// Regroups a stream into chunks of equal size and a shorter last one: stores need few large writes, and some require
/// equal parts in an upload.
pub(super) struct Regrouped<'path> {
    path: &'path BlobPath,
    stream: Fuse<ByteStream>,
    size: usize,
    pending: BytesMut,
}

impl<'path> Regrouped<'path> {
    /// Regroups the stream for `path` into chunks of `size` bytes.
    pub(super) fn new(path: &'path BlobPath, stream: ByteStream, size: usize) -> Self {
        Self { path, stream: stream.fuse(), size, pending: BytesMut::new() }
    }

    /// Returns the next chunk, which is shorter than the others only if it is the last; `None` after that.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        while self.pending.len() < self.size {
            match self.stream.next().await {
                Some(Ok(bytes)) => self.pending.extend_from_slice(&bytes),
                Some(Err(source)) => return Err(stream_failed(self.path, source)),
                None if self.pending.is_empty() => return Ok(None),
                None => return Ok(Some(self.pending.split().freeze())),
            }
        }
        Ok(Some(self.pending.split_to(self.size).freeze()))
    }
}

/// An error of the source stream must not look like an answer of the store being written to.
fn stream_failed(path: &BlobPath, source: BlobError) -> BlobError {
    match source {
        BlobError::Stream { .. } => source,
        other => BlobError::Stream { path: path.to_string(), source: other.into() },
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn chunks_are_alike_but_for_the_last() {
        let path = BlobPath::parse("a").unwrap();
        let pieces = ["", "abcde", "f", "", "ghijklm"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        let mut regrouped = Regrouped::new(&path, stream::iter(pieces).boxed(), 4);
        let mut chunks = Vec::new();
        while let Some(chunk) = regrouped.next().await.unwrap() {
            chunks.push(chunk);
        }
        assert_eq!(chunks, ["abcd", "efgh", "ijkl", "m"]);
    }
}
