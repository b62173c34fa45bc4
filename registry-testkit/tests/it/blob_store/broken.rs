use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    ObjectStoreBlobs, OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use url::Url;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Stores whatever the condition says, as S3 servers do that do not know the headers.
    IgnoresConditions,
    /// Honors `Absent`, but not `Matches`.
    IgnoresMatches,
    /// Compares first and writes later.
    ComparesTooEarly,
    /// Each chunk of a stream is seen as soon as it came.
    ShowsHalfStreams,
    /// Lists in no order.
    ListsUnsorted,
    /// Calls what is deleted still there.
    ForgetsDeletes,
    /// Takes the length of a blob for its `ETag`.
    TagsByLength,
    /// Fails where a range begins after the end.
    FailsAfterTheEnd,
    /// Takes a blob away before it puts another one in its place.
    RemovesBeforeItReplaces,
    /// Calls everything missing that it cannot reach, as a client does that takes each 404 for an answer.
    CallsFailuresMissing,
}

/// A store with one flaw.
#[derive(Debug)]
pub(super) struct Broken {
    store: ObjectStoreBlobs,
    flaw: Flaw,
}

impl Broken {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self { store: ObjectStoreBlobs::in_memory(), flaw }
    }

    fn etag(&self, etag: BlobETag, length: u64) -> BlobETag {
        if self.flaw == Flaw::TagsByLength { BlobETag::new(length.to_string()) } else { etag }
    }
}

#[async_trait]
impl BlobStore for Broken {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        if self.flaw == Flaw::CallsFailuresMissing {
            return Ok(None);
        }
        let blob = self.store.get(path).await?;
        Ok(blob.map(|blob| Blob { etag: self.etag(blob.etag, blob.bytes.len() as u64), ..blob }))
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        Ok(match self.get(path).await? {
            None => Fetched::Missing,
            Some(blob) if blob.etag == *known => Fetched::Unchanged,
            Some(blob) => Fetched::Changed(blob),
        })
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        if self.flaw == Flaw::CallsFailuresMissing {
            return Ok(None);
        }
        let opened = self.store.open(path, range).await?;
        match (&opened, range) {
            (Some(blob), Some(range))
                if self.flaw == Flaw::FailsAfterTheEnd && range.start >= blob.length =>
            {
                Err(BlobError::Unavailable {
                    store: self.to_string(),
                    path: path.to_string(),
                    source: "range not satisfiable".into(),
                })
            }
            _ => Ok(opened.map(|blob| OpenBlob { etag: self.etag(blob.etag, blob.length), ..blob })),
        }
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let when = match (self.flaw, when) {
            (Flaw::IgnoresConditions, _) | (Flaw::IgnoresMatches, When::Matches(_)) => When::Always,
            (Flaw::ComparesTooEarly, When::Absent) if self.store.get(path).await?.is_some() => When::Absent,
            (Flaw::ComparesTooEarly, When::Absent) => {
                tokio::task::yield_now().await;
                When::Always
            }
            (Flaw::TagsByLength, When::Matches(etag)) => match self.store.get(path).await? {
                Some(blob) if blob.bytes.len().to_string() == etag.as_str() => When::Matches(blob.etag),
                _ => return Ok(PutOutcome::Conflict),
            },
            (_, when) => when,
        };
        let length = bytes.len() as u64;
        if self.flaw == Flaw::RemovesBeforeItReplaces && when == When::Always {
            self.store.delete(path).await?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(match self.store.put(path, bytes, when).await? {
            PutOutcome::Stored(etag) => PutOutcome::Stored(self.etag(etag, length)),
            PutOutcome::Conflict => PutOutcome::Conflict,
        })
    }

    async fn put_stream(&self, path: &BlobPath, mut stream: ByteStream) -> Result<BlobETag, BlobError> {
        if self.flaw != Flaw::ShowsHalfStreams {
            let etag = self.store.put_stream(path, stream).await?;
            return Ok(self.get(path).await?.map_or(etag, |blob| blob.etag));
        }
        let mut so_far = Vec::new();
        loop {
            let chunk = stream.try_next().await?;
            so_far.extend_from_slice(chunk.as_deref().unwrap_or_default());
            let stored = self.store.put(path, so_far.clone().into(), When::Always).await?;
            if let (None, PutOutcome::Stored(etag)) = (chunk, stored) {
                return Ok(etag);
            }
        }
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        match self.flaw {
            Flaw::ForgetsDeletes | Flaw::CallsFailuresMissing => Ok(()),
            _ => self.store.delete(path).await,
        }
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let listed = self.store.list(prefix);
        if self.flaw != Flaw::ListsUnsorted {
            return listed;
        }
        stream::once(async { listed.collect::<Vec<_>>().await })
            .flat_map(|blobs| stream::iter(blobs.into_iter().rev()))
            .boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.store.list_folders(prefix).await
    }

    async fn signed_url(
        &self,
        _: &BlobPath,
        _: Duration,
        _: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        Ok(None)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "broken({}: {:?})", self.store, self.flaw)
    }
}
