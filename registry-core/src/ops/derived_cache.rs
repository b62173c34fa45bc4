use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};

use crate::blob::{BlobETag, BlobPath, Fetched};
use crate::domain::PackageName;
use crate::{Error, Registry};

use super::detached::compute;
use super::read_index::StoredIndex;

/// Something made of a stored packument.
pub(super) trait Derived: Send + Sync + Sized + 'static {
    /// What tells one derivation of a packument from another.
    type Key: Hash + Eq + Clone + Debug + Send + Sync + 'static;

    /// Makes it. Pure, and possibly slow.
    fn derive(key: &Self::Key, name: &PackageName, json: &[u8]) -> Result<Self, Error>;

    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize;
}

#[derive(Debug)]
struct Entry<Value> {
    value: Arc<Value>,
    path: BlobPath,
    etag: BlobETag,
}

/// Keeps what was made of packuments, bounded in bytes. Nothing is given out without asking the store whether
/// the packument is still the one it was made of, and of concurrent misses one does the work.
#[derive(Debug)]
pub(super) struct DerivedCache<Value: Derived>(Cache<Value::Key, Arc<Entry<Value>>>);

impl<Value: Derived> DerivedCache<Value> {
    pub(super) fn new(bytes: u64) -> Self {
        /// What the cache itself and an empty value take.
        const OVERHEAD: usize = 512;
        let weigh = |_: &Value::Key, entry: &Arc<Entry<Value>>| {
            u32::try_from(entry.value.weight() + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }

    /// What is made of the packument as it is in the store now; `None` where there is no packument.
    pub(super) async fn get(
        &self,
        registry: &Registry,
        name: &PackageName,
        key: &Value::Key,
    ) -> Result<Option<Arc<Value>>, Error> {
        let index = match self.0.get(key).await {
            None => registry.read_index(name).await?,
            Some(entry) => match registry.parts.store.get_if_changed(&entry.path, &entry.etag).await? {
                Fetched::Unchanged => return Ok(Some(Arc::clone(&entry.value))),
                Fetched::Changed(blob) => Some(StoredIndex { blob, path: entry.path.clone() }),
                Fetched::Missing => registry.read_index(name).await?,
            },
        };
        let Some(index) = index else {
            self.0.invalidate(key).await;
            return Ok(None);
        };
        Box::pin(self.derive(name, key, index)).await.map(Some)
    }

    /// Makes the value, unless somebody else just made it of the same packument.
    async fn derive(
        &self,
        name: &PackageName,
        key: &Value::Key,
        index: StoredIndex,
    ) -> Result<Arc<Value>, Error> {
        let StoredIndex { blob, path } = index;
        let derivation = (name.clone(), key.clone());
        let result = self
            .0
            .entry_by_ref(key)
            .and_try_compute_with(|present| async move {
                if present.is_some_and(|present| present.value().etag == blob.etag) {
                    return Ok(Op::Nop);
                }
                let (json, length) = (blob.bytes.clone(), blob.bytes.len());
                let make = move || Value::derive(&derivation.1, &derivation.0, &json);
                let value = Arc::new(compute(length, make).await??);
                Ok::<_, Error>(Op::Put(Arc::new(Entry { value, path, etag: blob.etag })))
            })
            .await?;
        match result {
            CompResult::Inserted(entry) | CompResult::ReplacedWith(entry) | CompResult::Unchanged(entry) => {
                Ok(Arc::clone(&entry.value().value))
            }
            CompResult::StillNone(_) | CompResult::Removed(_) => {
                Err(Error::Internal("a computed cache entry is neither new nor there".into()))
            }
        }
    }
}
