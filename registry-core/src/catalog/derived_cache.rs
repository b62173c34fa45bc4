use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::future::Cache;

use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::measurements::CacheMeter;
use crate::policy::PackagePolicy;
use crate::storage::{BlobETag, BlobPath, Fetched};

use super::stored_packument::StoredPackument;
use crate::concurrency::{SingleFlight, compute};

/// A value derived from a stored packument.
pub(crate) trait Derived: Send + Sync + Sized + 'static {
    /// Distinguishes the derivations of one packument.
    type Key: Hash + Eq + Clone + Debug + Send + Sync + 'static;

    /// Derives the value as `policy` decides. Possibly slow.
    fn derive(
        key: &Self::Key,
        name: &PackageName,
        json: &[u8],
        policy: &PackagePolicy,
    ) -> Result<Self, Error>;

    /// From when on policies may decide differently.
    fn valid_until(&self) -> Option<DateTime<Utc>>;

    /// The approximate memory use in bytes.
    fn weight(&self) -> usize;
}

#[derive(Debug)]
struct Entry<Value> {
    value: Arc<Value>,
    path: BlobPath,
    etag: BlobETag,
}

/// Above this many bytes of memory, only one request at a time revalidates a value: if its packument changed, each of
/// many would otherwise read it.
const LARGE: usize = 256 << 10;

/// Caches values derived from packuments, bounded in bytes. Each use revalidates the packument, and of concurrent
/// misses one reads it and derives the value. The state of policies is part of the key, and a value ends with the first of
/// the decisions in it.
#[derive(Debug)]
pub(crate) struct DerivedCache<Value: Derived> {
    entries: Cache<Value::Key, Arc<Entry<Value>>>,
    flights: SingleFlight<Value::Key, Entry<Value>>,
    meter: CacheMeter,
}

impl<Value: Derived> DerivedCache<Value> {
    pub(crate) fn new(bytes: u64) -> Self {
        /// The memory that the cache, a key and an empty value take.
        const OVERHEAD: usize = 512;
        let weigh = |_: &Value::Key, entry: &Arc<Entry<Value>>| {
            u32::try_from(entry.value.weight() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let entries = Cache::builder().max_capacity(bytes).weigher(weigh).build();
        Self { entries, flights: SingleFlight::default(), meter: CacheMeter::default() }
    }

    /// Returns the value derived from the packument as stored now; `None` where there is no packument.
    pub(crate) async fn get(
        &self,
        catalog: &Catalog,
        name: &PackageName,
        key: &Value::Key,
        policy: &PackagePolicy,
    ) -> Result<Option<Arc<Value>>, Error> {
        if let Some(entry) = self.current(key, policy).await
            && entry.value.weight() <= LARGE
            && matches!(
                catalog.parts.store.get_if_changed(&entry.path, &entry.etag).await?,
                Fetched::Unchanged
            )
        {
            self.meter.hit();
            return Ok(Some(Arc::clone(&entry.value)));
        }
        let found = Box::pin(self.flights.run(key, self.look(catalog, name, key, policy))).await?;
        Ok(found.map(|entry| Arc::clone(&entry.value)))
    }

    async fn look(
        &self,
        catalog: &Catalog,
        name: &PackageName,
        key: &Value::Key,
        policy: &PackagePolicy,
    ) -> Result<Option<Arc<Entry<Value>>>, Error> {
        let index = match self.current(key, policy).await {
            None => catalog.read_packument(name).await?,
            Some(entry) => match catalog.parts.store.get_if_changed(&entry.path, &entry.etag).await? {
                Fetched::Unchanged => {
                    self.meter.hit();
                    return Ok(Some(entry));
                }
                Fetched::Changed(blob) => Some(StoredPackument { blob, path: entry.path.clone() }),
                Fetched::Missing => catalog.read_packument(name).await?,
            },
        };
        let Some(StoredPackument { blob, path }) = index else {
            self.entries.invalidate(key).await;
            return Ok(None);
        };
        self.meter.miss();
        let (name, of, json, policy) = (name.clone(), key.clone(), blob.bytes, policy.clone());
        let value = compute(json.len(), move || Value::derive(&of, &name, &json, &policy)).await??;
        self.keep(key, Entry { value: Arc::new(value), path, etag: blob.etag }).await.map(Some)
    }

    /// Returns the value derived from a document in the state `etag`. On a miss, `read` reads the document, perhaps in
    /// a later state, and passes `make` the hint that it needs.
    pub(crate) async fn get_of_state<Hint: Send + 'static>(
        &self,
        key: &Value::Key,
        (path, etag): (&BlobPath, &BlobETag),
        policy: &PackagePolicy,
        read: impl Future<Output = Result<(BlobETag, (Bytes, Hint)), Error>> + Send,
        make: impl FnOnce(&BlobETag, &[u8], Hint) -> Result<Value, Error> + Send + 'static,
    ) -> Result<Arc<Value>, Error> {
        if let Some(entry) = self.current(key, policy).await
            && entry.etag == *etag
        {
            self.meter.hit();
            return Ok(Arc::clone(&entry.value));
        }
        let look = async {
            if let Some(entry) = self.current(key, policy).await
                && entry.etag == *etag
            {
                self.meter.hit();
                return Ok(Some(entry));
            }
            self.meter.miss();
            let (etag, (document, hint)) = read.await?;
            let state = etag.clone();
            let value = compute(document.len(), move || make(&state, &document, hint)).await??;
            self.keep(key, Entry { value: Arc::new(value), path: path.clone(), etag }).await.map(Some)
        };
        let entry = Box::pin(self.flights.run(key, look)).await?;
        let entry = entry.ok_or_else(|| Error::Internal("nothing was made of a document".into()))?;
        Ok(Arc::clone(&entry.value))
    }

    /// Returns the cached value, unless a decision in it has ended.
    async fn current(&self, key: &Value::Key, policy: &PackagePolicy) -> Option<Arc<Entry<Value>>> {
        self.entries.get(key).await.filter(|entry| !policy.has_passed(entry.value.valid_until()))
    }

    async fn keep(&self, key: &Value::Key, entry: Entry<Value>) -> Result<Arc<Entry<Value>>, Error> {
        let entry = Arc::new(entry);
        self.entries.insert(key.clone(), Arc::clone(&entry)).await;
        // Without this, a cache beyond its capacity would shrink only on the next insert.
        self.entries.run_pending_tasks().await;
        Ok(entry)
    }

    pub(super) fn meter(&self) -> &CacheMeter {
        &self.meter
    }

    /// The cached bytes, and their limit.
    #[cfg(test)]
    pub(crate) fn weighed(&self) -> (u64, Option<u64>) {
        (self.entries.weighted_size(), self.entries.policy().max_capacity())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;
    use crate::access::AccessRules;
    use crate::authorization::Authorization;
    use crate::catalog::{CatalogParts, HostedCheck, ReadCaches};
    use crate::clock::{Clock, SystemClock};
    use crate::events::EventQueue;
    use crate::policy::{Policies, PolicyRules};
    use crate::randomness::SystemRandomness;
    use crate::storage::{BlobStore as _, Key, ObjectStoreBlobs, When};
    use crate::storage::{Storage, WatchStorage};
    use crate::upstream::PackumentForm;

    struct Unwatched;

    impl WatchStorage for Unwatched {
        fn opened(&self, _: &str) {}

        fn changed(&self) {}
    }

    fn catalog(store: &ObjectStoreBlobs, cache_bytes: u64) -> Catalog {
        let store = Storage::new(Arc::new(store.clone()), Arc::new(SystemRandomness), Arc::new(Unwatched));
        let (store, clock): (_, Arc<dyn Clock>) = (Arc::new(store), Arc::new(SystemClock));
        let policies = Arc::new(Policies::new(PolicyRules::default(), Vec::new(), None, &store, &clock));
        let parts = CatalogParts {
            store,
            caches: Arc::new(ReadCaches::new(cache_bytes)),
            hosted_check: Arc::new(HostedCheck::new(Duration::ZERO)),
            policies,
            name_check: None,
        };
        let rules = AccessRules::open_to_all_publish_for_signed_in();
        let authorization = Authorization::new(rules, false, EventQueue::disabled(), Arc::new(SystemClock));
        Catalog::new(&Arc::new(parts), &authorization)
    }

    #[tokio::test]
    async fn the_cache_stays_within_its_bytes() {
        let store = ObjectStoreBlobs::in_memory();
        let catalog = catalog(&store, 100_000);
        let readme = "x".repeat(10_000);
        for number in 0..100 {
            let name = PackageName::parse(&format!("pear-{number}")).unwrap();
            let json =
                format!(r#"{{"name":"{name}","readme":"{readme}","versions":{{"1.0.0":{{}}}},"time":{{}}}}"#);
            let path = Key::Packument(&name).path().unwrap();
            let _ = store.put(&path, json.into(), When::Always).await.unwrap();
            let base = Arc::from("http://here.example");
            let asks = (0..5).map(|_| catalog.hosted_packument(&name, PackumentForm::Full, &base));
            for answer in join_all(asks).await {
                answer.unwrap().unwrap();
            }
            let (bytes, most) = catalog.parts.caches.representations.weighed();
            assert!(most == Some(75_000) && bytes <= 75_000, "{bytes} of {most:?}");
        }
        let (bytes, _) = catalog.parts.caches.representations.weighed();
        assert!(bytes > 40_000, "only {bytes} are kept");
    }
}
