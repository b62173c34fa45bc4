use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::accounts::names::NameClaim;
use crate::auth::{Memberships, Principal, TokenHash, TokenLimits};

/// The principal that a credential belongs to, and its limits.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) principal: Arc<Principal>,
    pub(crate) limits: Option<Arc<TokenLimits>>,
    pub(crate) memberships: Option<Arc<Memberships>>,
    /// The network of the sign-in that began the session.
    pub(crate) signed_in_at: Option<IpAddr>,
}

/// Recently used credentials, bounded in number and time. Expiry and networks of a token are checked on every
/// request, also for cached tokens.
#[derive(Debug)]
pub(crate) struct TokenCache(Option<Caches>);

#[derive(Debug)]
struct Caches {
    identities: Cache<TokenHash, Identity>,
    /// Accounts that have no second factor.
    without_two_factor: Cache<String, ()>,
    /// By the name in lowercase.
    names: Cache<String, Arc<NameClaim>>,
}

impl TokenCache {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More than the builds and users that one process serves within seconds.
        const ENTRIES: u64 = 10_000;
        Self((!time_to_live.is_zero()).then(|| Caches {
            identities: Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build(),
            without_two_factor: Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build(),
            names: Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build(),
        }))
    }

    pub(crate) fn get(&self, hash: &TokenHash) -> Option<Identity> {
        self.0.as_ref()?.identities.get(hash)
    }

    pub(crate) fn insert(&self, hash: TokenHash, identity: Identity) {
        if let Some(caches) = &self.0 {
            caches.identities.insert(hash, identity);
        }
    }

    pub(super) fn remove(&self, hash: &TokenHash) {
        if let Some(caches) = &self.0 {
            caches.identities.invalidate(hash);
        }
    }

    /// For changes that affect more than one token.
    pub(crate) fn remove_all(&self) {
        if let Some(caches) = &self.0 {
            caches.identities.invalidate_all();
        }
    }

    pub(crate) fn name_claim(&self, key: &str) -> Option<Arc<NameClaim>> {
        self.0.as_ref()?.names.get(key)
    }

    pub(crate) fn remember_name_claim(&self, key: String, claim: &Arc<NameClaim>) {
        if let Some(caches) = &self.0 {
            caches.names.insert(key, Arc::clone(claim));
        }
    }

    pub(crate) fn has_no_two_factor(&self, account: &str) -> bool {
        self.0.as_ref().is_some_and(|caches| caches.without_two_factor.contains_key(account))
    }

    pub(crate) fn remember_no_two_factor(&self, account: &str) {
        if let Some(caches) = &self.0 {
            caches.without_two_factor.insert(account.to_owned(), ());
        }
    }

    pub(crate) fn forget_two_factor(&self, account: &str) {
        if let Some(caches) = &self.0 {
            caches.without_two_factor.invalidate(account);
        }
    }
}
