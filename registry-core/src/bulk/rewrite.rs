use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use crate::storage::{BlobError, BlobPath, BlobPrefix, ByteStream, ListedBlob, PutOutcome, When};

use super::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY};

/// The largest object in bytes that is read as a whole, if it may be written as a stream.
const WHOLE: u64 = 16 << 20;
/// How often an object is read again that another process changes.
const ATTEMPTS: usize = 3;

/// An object that was rewritten, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewrittenObject {
    /// Its path.
    pub path: BlobPath,
    /// Its length in bytes, as listed.
    pub bytes: u64,
    /// What became of it.
    pub outcome: RewriteOutcome,
}

/// What became of an object that was to be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewriteOutcome {
    /// It has the same bytes, written anew and read back.
    Rewritten,
    /// It would be rewritten.
    WouldRewrite,
    /// Another process kept writing it, with its own settings. Nothing was overwritten.
    ChangedMeanwhile,
    /// Another process deleted it.
    Gone,
}

/// The digest of a stream, and its length.
type Hashed = Arc<Mutex<(Sha256, u64)>>;

impl Bulk {
    /// Writes every object again, so that the store applies its present settings to it, and reads each back. With
    /// `before`, only objects that were last written before then.
    pub(crate) fn rewrite_objects(
        &self,
        before: Option<DateTime<Utc>>,
        mode: BulkMode,
    ) -> BulkStream<RewrittenObject> {
        let bulk = self.clone();
        let listed = self.parts.store.list(&BlobPrefix::ROOT).map_err(BulkError::Listing);
        let is_due = move |blob: &ListedBlob| before.is_none_or(|before| blob.last_modified < before);
        listed
            .try_filter(move |blob| ready(is_due(blob)))
            .map(move |listed| {
                let bulk = bulk.clone();
                async move {
                    let ListedBlob { path, length, .. } = listed?;
                    let outcome = match mode {
                        BulkMode::DryRun => RewriteOutcome::WouldRewrite,
                        BulkMode::Apply if length > WHOLE && is_content_addressed(&path) => {
                            bulk.rewrite_as_stream(&path).await?
                        }
                        BulkMode::Apply => bulk.rewrite(&path).await?,
                    };
                    Ok(RewrittenObject { path, bytes: length, outcome })
                }
            })
            .buffered(CONCURRENCY)
            .boxed()
    }

    /// Rewrites an object if no other process changes it meanwhile.
    async fn rewrite(&self, path: &BlobPath) -> Result<RewriteOutcome, BulkError> {
        let store = &self.parts.store;
        let failed = || BulkError::of_object(path);
        for _ in 0..ATTEMPTS {
            let Some(blob) = store.get(path).await.map_err(failed())? else {
                return Ok(RewriteOutcome::Gone);
            };
            let digest = Sha256::digest(&blob.bytes);
            // Not by `storage::update`, which competes with other writers for a minute: what another process writes has its
            // settings, so there is nothing to win. A store that did not answer may have stored it: the next round reads
            // what is there.
            let PutOutcome::Stored(etag) =
                store.put(path, blob.bytes, When::Matches(blob.etag)).await.map_err(failed())?
            else {
                continue;
            };
            match store.get(path).await.map_err(failed())? {
                None => return Ok(RewriteOutcome::Gone),
                Some(now) if Sha256::digest(&now.bytes) == digest => return Ok(RewriteOutcome::Rewritten),
                Some(now) if now.etag == etag => return Err(BulkError::Differs { path: path.clone() }),
                Some(_) => {}
            }
        }
        Ok(RewriteOutcome::ChangedMeanwhile)
    }

    /// Rewrites a tarball that may not fit into memory. No condition guards the write, which only a path whose bytes
    /// never change permits.
    async fn rewrite_as_stream(&self, path: &BlobPath) -> Result<RewriteOutcome, BulkError> {
        let store = &self.parts.store;
        let failed = || BulkError::of_object(path);
        let Some(blob) = store.open(path, None).await.map_err(failed())? else {
            return Ok(RewriteOutcome::Gone);
        };
        let before = Hashed::default();
        let copy = complete(path, blob.length, hashing(blob.stream, &before), &before);
        store.put_stream(path, copy).await.map_err(failed())?;
        let Some(written) = store.open(path, None).await.map_err(failed())? else {
            return Ok(RewriteOutcome::Gone);
        };
        let after = Hashed::default();
        hashing(written.stream, &after).try_for_each(|_| ready(Ok(()))).await.map_err(failed())?;
        if digest(&before) == digest(&after) {
            Ok(RewriteOutcome::Rewritten)
        } else {
            Err(BulkError::Differs { path: path.clone() })
        }
    }
}

/// Whether the path names its content: `…/-/{digest}/{file}.tgz`.
fn is_content_addressed(path: &BlobPath) -> bool {
    let segments: Vec<&str> = path.segments().collect();
    matches!(segments.as_slice(), [.., "-", digest, file]
        if digest.len() >= 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && file.strip_suffix(".tgz").is_some())
}

fn hashing(stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let hashed = Arc::clone(hashed);
    stream
        .inspect_ok(move |chunk| {
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.0.update(chunk);
            hashed.1 += chunk.len() as u64;
        })
        .boxed()
}

/// Adds an error at the end of a stream that ends early, so that no part of a tarball replaces the whole.
fn complete(path: &BlobPath, length: u64, stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let (path, hashed) = (path.to_string(), Arc::clone(hashed));
    let end = stream::once(async move {
        let read = hashed.lock().unwrap_or_else(PoisonError::into_inner).1;
        let source = || format!("it ended after {read} of {length} bytes").into();
        (read != length).then(|| Err(BlobError::Stream { path, source: source() }))
    });
    stream.chain(end.filter_map(ready)).boxed()
}

fn digest(hashed: &Hashed) -> Vec<u8> {
    hashed.lock().unwrap_or_else(PoisonError::into_inner).0.clone().finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_name_their_content_are_written_without_a_condition() {
        let digest = "0a".repeat(16);
        let is = |path: &str| is_content_addressed(&BlobPath::parse(path).unwrap());
        assert!(is(&format!("@acme/pear/-/{digest}/pear-1.0.0.tgz")));
        assert!(is(&format!("_upstream/main/pear/-/{digest}/pear-1.0.0.tgz")));
        for path in ["pear/1.0.0.tgz", "pear/index.json", "_stage/0a.tgz", "pear/-/0a/pear-1.0.0.tgz"] {
            assert!(!is(path), "{path}");
        }
    }
}
