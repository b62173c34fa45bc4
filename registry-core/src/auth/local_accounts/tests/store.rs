//! A minimal store: a map behind a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream};
use url::Url;

use super::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};

#[derive(Debug, Default)]
pub(crate) struct MapStore(Mutex<(BTreeMap<String, Blob>, u64)>);

impl fmt::Display for MapStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("map")
    }
}

#[async_trait]
impl BlobStore for MapStore {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        Ok(self.0.lock().unwrap().0.get(path.as_str()).cloned())
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        Ok(match self.get(path).await? {
            None => Fetched::Missing,
            Some(blob) if blob.etag == *known => Fetched::Unchanged,
            Some(blob) => Fetched::Changed(blob),
        })
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        Ok(self.get(path).await?.map(|blob| {
            let length = blob.bytes.len();
            let at = |place: u64| usize::try_from(place).unwrap_or(length).min(length);
            let end = at(range.and_then(|range| range.end).unwrap_or(u64::MAX));
            let bytes = blob.bytes.slice(at(range.map_or(0, |range| range.start)).min(end)..end);
            OpenBlob { stream: stream::iter([Ok(bytes)]).boxed(), length: length as u64, etag: blob.etag }
        }))
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let (blobs, writes) = &mut *self.0.lock().unwrap();
        let there = blobs.get(path.as_str()).map(|blob| &blob.etag);
        let holds = match &when {
            When::Always => true,
            When::Absent => there.is_none(),
            When::Matches(etag) => there == Some(etag),
        };
        if !holds {
            return Ok(PutOutcome::Conflict);
        }
        *writes += 1;
        let etag = BlobETag::new(writes.to_string());
        blobs.insert(path.as_str().into(), Blob { bytes, etag: etag.clone() });
        Ok(PutOutcome::Stored(etag))
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let chunks: Vec<Bytes> = stream.try_collect().await?;
        match self.put(path, chunks.concat().into(), When::Always).await? {
            PutOutcome::Stored(etag) => Ok(etag),
            PutOutcome::Conflict => unreachable!("stored always"),
        }
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.0.lock().unwrap().0.remove(path.as_str());
        Ok(())
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let (blobs, _) = &*self.0.lock().unwrap();
        let listed = blobs.iter().map(|(path, blob)| ListedBlob {
            path: BlobPath::parse(path).unwrap(),
            length: blob.bytes.len() as u64,
            last_modified: chrono::DateTime::UNIX_EPOCH,
        });
        let below: Vec<_> = listed.filter(|blob| prefix.holds(&blob.path)).map(Ok).collect();
        stream::iter(below).boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        let blobs: Vec<ListedBlob> = self.list(prefix).try_collect().await?;
        let folder = |blob: &ListedBlob| Some(prefix.remainder(&blob.path)?.split_once('/')?.0.to_owned());
        Ok(blobs.iter().filter_map(folder).collect::<BTreeSet<_>>().into_iter().collect())
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
