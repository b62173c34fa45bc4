use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::auth::Memberships;

/// Memberships by account, bounded in number and time.
#[derive(Debug)]
pub(crate) struct MembershipCache(Option<Cache<String, Arc<Memberships>>>);

impl MembershipCache {
    /// A cache whose entries are believed for `time_to_live`; zero caches nothing.
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More than the builds and users that one process serves within seconds.
        const ENTRIES: u64 = 10_000;
        let cache = || Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build();
        Self((!time_to_live.is_zero()).then(cache))
    }

    pub(super) fn get(&self, account: &str) -> Option<Arc<Memberships>> {
        self.0.as_ref()?.get(account)
    }

    pub(super) fn insert(&self, account: &str, memberships: &Arc<Memberships>) {
        if let Some(cache) = &self.0 {
            cache.insert(account.to_owned(), Arc::clone(memberships));
        }
    }

    pub(super) fn forget_all(&self) {
        if let Some(cache) = &self.0 {
            cache.invalidate_all();
        }
    }
}
