use chrono::{DateTime, Utc};
use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::storage::{BlobPath, BlobPrefix, ListedBlob, PutOutcome, When};

use super::streams::{WHOLE, is_content_addressed, store_stream};
use super::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY};

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
        let is_there = store_stream(&***store, path, blob, |_, _| Ok(())).await?;
        Ok(if is_there { RewriteOutcome::Rewritten } else { RewriteOutcome::Gone })
    }
}
