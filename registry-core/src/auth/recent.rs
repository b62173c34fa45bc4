use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::auth::Principal;
use crate::clock::Clock;
use crate::randomness::{Randomness, random_bytes};

/// How long a right password is not hashed again.
pub(in crate::auth) const LIFETIME: TimeDelta = TimeDelta::seconds(30);
/// The most logins that are cached.
const MOST: u64 = 4096;

/// Recent right logins. Stores no password: only a hash of name and password under a key that never leaves the
/// process.
pub(in crate::auth) struct RecentLogins {
    clock: Arc<dyn Clock>,
    key: [u8; 32],
    lifetime: TimeDelta,
    logins: Cache<LoginHash, (Principal, DateTime<Utc>)>,
}

/// A keyed hash of name and password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::auth) struct LoginHash([u8; 32]);

impl RecentLogins {
    pub(in crate::auth) fn new(clock: Arc<dyn Clock>, randomness: &dyn Randomness) -> Self {
        Self { clock, key: random_bytes(randomness), lifetime: LIFETIME, logins: Cache::new(MOST) }
    }

    /// Returns a separate cache with the same key and another `lifetime`.
    #[cfg(feature = "local-accounts")]
    pub(in crate::auth) fn lasting(&self, lifetime: TimeDelta) -> Self {
        Self { clock: Arc::clone(&self.clock), key: self.key, lifetime, logins: Cache::new(MOST) }
    }

    pub(in crate::auth) fn hash(&self, name: &str, password: &SecretString) -> LoginHash {
        let hash = Sha256::new()
            .chain_update(self.key)
            .chain_update(name.len().to_be_bytes())
            .chain_update(name)
            .chain_update(password.expose_secret());
        LoginHash(hash.finalize().into())
    }

    pub(in crate::auth) fn get(&self, login: LoginHash) -> Option<Principal> {
        let (principal, at) = self.logins.get(&login)?;
        let age = self.clock.now() - at;
        (TimeDelta::zero() <= age && age < self.lifetime).then_some(principal)
    }

    #[cfg(feature = "local-accounts")]
    pub(in crate::auth) fn forget(&self, login: LoginHash) {
        self.logins.invalidate(&login);
    }

    pub(in crate::auth) fn remember(&self, login: LoginHash, principal: &Principal) {
        self.logins.insert(login, (principal.clone(), self.clock.now()));
    }
}

impl fmt::Debug for RecentLogins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RecentLogins")
            .field("logins", &self.logins.entry_count())
            .finish_non_exhaustive()
    }
}
