use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::auth::{Principal, TokenHash, TokenLimits};

/// Whom a credential turned out to belong to, and what it is limited to.
#[derive(Debug, Clone)]
pub(in crate::ops) struct Identity {
    pub(in crate::ops) principal: Arc<Principal>,
    pub(in crate::ops) limits: Option<Arc<TokenLimits>>,
}

/// Who showed a good credential of late. Bounded in number and time. When a token expires, and where it may be used
/// from, is looked at each time, also of what is kept here.
#[derive(Debug)]
pub(crate) struct TokenCache(Option<Cache<TokenHash, Identity>>);

impl TokenCache {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More than the builds and people that one process serves within seconds.
        const ENTRIES: u64 = 10_000;
        let cache = || Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build();
        Self((!time_to_live.is_zero()).then(cache))
    }

    pub(in crate::ops) fn get(&self, hash: &TokenHash) -> Option<Identity> {
        self.0.as_ref()?.get(hash)
    }

    pub(in crate::ops) fn insert(&self, hash: TokenHash, identity: Identity) {
        if let Some(cache) = &self.0 {
            cache.insert(hash, identity);
        }
    }

    pub(super) fn remove(&self, hash: &TokenHash) {
        if let Some(cache) = &self.0 {
            cache.invalidate(hash);
        }
    }
}
