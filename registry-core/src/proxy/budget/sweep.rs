use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, future};

use crate::Error;
use crate::proxy::Proxy;
use crate::storage::{BlobError, BlobPath, Key, ListedBlob};

use super::minute;
use super::uses::{decode, encode, id_of};

/// How many blobs are deleted concurrently.
const DELETES: usize = 16;

/// Blobs used within this many minutes are never deleted, regardless of the limit: a reader may be about to open them.
const IN_USE: u32 = 2;

/// The outcome of a sweep of the upstream cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrimmedUpstreamCache {
    /// How many bytes were cached before.
    pub before: u64,
    /// How many of them were deleted.
    pub deleted: u64,
}

/// The bytes last used in each minute.
type Ages = BTreeMap<u32, u64>;

/// Which blobs to delete: all last used before `minute`, and this many bytes of those last used in it.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    minute: u32,
    bytes_in_it: u64,
}

impl Proxy {
    pub(crate) async fn trim_upstream_cache(&self) -> Result<TrimmedUpstreamCache, Error> {
        self.sweep(self.parts.upstream.kept.limit.unwrap_or(u64::MAX)).await
    }

    pub(super) async fn sweep(&self, limit: u64) -> Result<TrimmedUpstreamCache, Error> {
        let now = self.parts.clock.now();
        let begin = self.change_ledger(|ledger| ledger.sweeping = Some(now)).await?.unwrap_or_default();
        self.write_uses().await?;
        let (batches, marks) = self.read_uses().await?;
        let mut live = HashMap::new();
        let mut ages = Ages::new();
        let mut listed = self.kept_blobs()?;
        while let Some(blob) = listed.try_next().await? {
            let id = id_of(&blob.path);
            if let Some(marked) = marks.get(&id) {
                live.insert(id, *marked);
            }
            *ages.entry(last_use(&blob, id, &marks)).or_default() += blob.length;
        }
        let before: u64 = ages.values().sum();
        let deleted = match cut(&ages, before, limit, minute(now).saturating_sub(IN_USE)) {
            Some(cut) => self.delete_before(&cut, &marks).await?,
            None => 0,
        };
        // Merges the batches without marks of deleted blobs. Other processes may do the same now: marks only ever add
        // up.
        if batches.len() > 1 || live.len() < marks.len() {
            self.put_uses(encode(live.into_iter())).await?;
            for batch in batches {
                self.parts.store.delete(&batch).await?;
            }
        }
        self.change_ledger(|ledger| {
            // Bytes cached during the sweep may be counted twice, but are never left out.
            ledger.bytes = before - deleted + ledger.bytes.saturating_sub(begin.bytes);
            ledger.swept = Some(now);
            ledger.sweeping = None;
        })
        .await?;
        if deleted > 0 {
            tracing::info!(before, deleted, limit, "evicted least recently used blobs of upstreams");
        }
        Ok(TrimmedUpstreamCache { before, deleted })
    }

    /// Lists the cached blobs of upstream packages. Hosted packages have another prefix and are not listed.
    fn kept_blobs(
        &self,
    ) -> Result<impl futures::Stream<Item = Result<ListedBlob, BlobError>> + Unpin, Error> {
        let folder = Key::upstreams()?;
        let listed = self.parts.store.list(&folder);
        // Names of upstreams never begin with `_`.
        let is_ours = move |path: &BlobPath| folder.remainder(path).is_none_or(|rest| rest.starts_with('_'));
        Ok(listed.try_filter(move |blob| future::ready(!is_ours(&blob.path))))
    }

    async fn read_uses(&self) -> Result<(Vec<BlobPath>, HashMap<u64, u32>), Error> {
        let (mut batches, mut marks) = (Vec::new(), HashMap::new());
        let mut listed = self.parts.store.list(&Key::upstream_uses()?);
        while let Some(batch) = listed.try_next().await? {
            // A batch that is gone was merged into one that was written before.
            if let Some(blob) = self.parts.store.get(&batch.path).await? {
                decode(&blob.bytes, &mut marks);
                batches.push(batch.path);
            }
        }
        Ok((batches, marks))
    }

    /// Lists again instead of holding the whole list in memory.
    async fn delete_before(&self, cut: &Cut, marks: &HashMap<u64, u32>) -> Result<u64, Error> {
        let mut left_in_it = cut.bytes_in_it;
        let mut is_old = |blob: &ListedBlob| {
            let used = last_use(blob, id_of(&blob.path), marks);
            let is_in_it = used == cut.minute && left_in_it > 0;
            if is_in_it {
                left_in_it = left_in_it.saturating_sub(blob.length);
            }
            used < cut.minute || is_in_it
        };
        let old = self.kept_blobs()?.try_filter(|blob| future::ready(is_old(blob)));
        let delete = |blob: Result<ListedBlob, BlobError>| async move {
            let blob = blob?;
            self.parts.store.delete(&blob.path).await?;
            Ok::<_, BlobError>(blob.length)
        };
        let deletes = old.map(delete).buffer_unordered(DELETES);
        Ok(deletes.try_fold(0, |sum, bytes| future::ready(Ok(sum + bytes))).await?)
    }
}

/// The minute of a blob's last recorded use. A write counts as a use.
fn last_use(blob: &ListedBlob, id: u64, marks: &HashMap<u64, u32>) -> u32 {
    minute(blob.last_modified).max(marks.get(&id).copied().unwrap_or(0))
}

/// Computes the cut that leaves nine tenths of the limit, or everything used since `in_use`; `None` if the total is
/// within the limit.
fn cut(ages: &Ages, total: u64, limit: u64, in_use: u32) -> Option<Cut> {
    if total <= limit {
        return None;
    }
    let mut to_delete = total - limit / 10 * 9;
    for (minute, bytes) in ages.range(..in_use) {
        if *bytes >= to_delete {
            return Some(Cut { minute: *minute, bytes_in_it: to_delete });
        }
        to_delete -= bytes;
    }
    Some(Cut { minute: in_use, bytes_in_it: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_blobs_go_first_and_no_more_than_needed() {
        let ages = Ages::from([(1, 30), (5, 40), (9, 50)]);
        assert_eq!(cut(&ages, 120, 120, 20), None);
        assert_eq!(cut(&ages, 120, 110, 20), Some(Cut { minute: 1, bytes_in_it: 21 }));
        assert_eq!(cut(&ages, 120, 100, 20), Some(Cut { minute: 1, bytes_in_it: 30 }));
        assert_eq!(cut(&ages, 120, 70, 20), Some(Cut { minute: 5, bytes_in_it: 27 }));
        assert_eq!(cut(&ages, 120, 0, 20), Some(Cut { minute: 9, bytes_in_it: 50 }));
        assert_eq!(cut(&ages, 120, 0, 9), Some(Cut { minute: 9, bytes_in_it: 0 }), "in use");
    }
}
