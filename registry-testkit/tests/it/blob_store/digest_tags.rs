//! A sound store whose `ETag`s are digests of the content, as those of S3 are: a blob that is replaced by its own
//! content keeps its `ETag`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use registry_core::domain::Integrity;
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When, probe,
};
use registry_testkit::conformance;
use url::Url;

use super::NO_URLS;

#[derive(Debug, Default)]
struct DigestTags(Mutex<BTreeMap<BlobPath, Bytes>>);

fn etag(bytes: &[u8]) -> BlobETag {
    BlobETag::new(Integrity::of(bytes).to_string())
}

#[async_trait]
impl BlobStore for DigestTags {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        let bytes = self.0.lock().unwrap().get(path).cloned();
        Ok(bytes.map(|bytes| Blob { etag: etag(&bytes), bytes }))
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        Ok(match self.get(path).await? {
            None => Fetched::Missing,
            Some(blob) if blob.etag == *known => Fetched::Unchanged,
            Some(blob) => Fetched::Changed(blob),
        })
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        Ok(self.get(path).await?.map(|Blob { bytes, etag }| {
            let length = bytes.len();
            let at = |place: u64| usize::try_from(place).unwrap().min(length);
            let range = range.unwrap_or(BlobRange { start: 0, end: None });
            let end = range.end.map_or(length, at);
            let part = bytes.slice(at(range.start).min(end)..end);
            OpenBlob { stream: stream::iter([Ok(part)]).boxed(), length: length as u64, etag }
        }))
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let mut blobs = self.0.lock().unwrap();
        let present = blobs.get(path);
        let holds = match &when {
            When::Always => true,
            When::Absent => present.is_none(),
            When::Matches(expected) => present.is_some_and(|bytes| etag(bytes) == *expected),
        };
        if !holds {
            return Ok(PutOutcome::Conflict);
        }
        let etag = etag(&bytes);
        blobs.insert(path.clone(), bytes);
        Ok(PutOutcome::Stored(etag))
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let bytes = Bytes::from(stream.try_collect::<Vec<_>>().await?.concat());
        let etag = etag(&bytes);
        self.0.lock().unwrap().insert(path.clone(), bytes);
        Ok(etag)
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.0.lock().unwrap().remove(path);
        Ok(())
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let blobs = self.0.lock().unwrap();
        let below = blobs.iter().filter(|(path, _)| prefix.holds(path)).map(|(path, bytes)| {
            Ok(ListedBlob {
                path: path.clone(),
                length: bytes.len() as u64,
                last_modified: DateTime::from_timestamp(1_767_000_000, 0).unwrap(),
            })
        });
        stream::iter(below.collect::<Vec<_>>()).boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        let blobs = self.0.lock().unwrap();
        let folders =
            blobs.keys().filter_map(|path| Some(prefix.remainder(path)?.split_once('/')?.0.to_owned()));
        Ok(folders.collect::<BTreeSet<_>>().into_iter().collect())
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

impl fmt::Display for DigestTags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("digest tags")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_suite_takes_it_for_sound() {
    conformance::blob_store(|| async { Arc::new(DigestTags::default()) as _ }, NO_URLS).await;
}

#[tokio::test]
async fn the_probe_takes_it_for_sound() {
    probe(&DigestTags::default(), "one").await.unwrap();
}
