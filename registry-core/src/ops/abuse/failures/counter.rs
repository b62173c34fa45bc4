use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::super::rate::Wait;

/// After this long without a failure, a counter starts anew.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// How many failures are free, and how many seconds to wait after each of the others at most. The first of these waits
/// is a second, and each is twice as long as the one before.
pub(super) struct Policy {
    free: u32,
    longest: i64,
}

/// One name from one address: a guesser, or a holder who has forgotten.
pub(super) const PAIR: Policy = Policy { free: 5, longest: 300 };
/// All names from one address, behind which a whole office may be.
pub(super) const ADDRESS: Policy = Policy { free: 30, longest: 300 };
/// All names from one site of IPv6, which has 65,536 networks to come from.
pub(super) const SITE: Policy = Policy { free: 300, longest: 60 };
/// One name from everywhere. Short, so that strangers cannot lock an account out: between two waits its holder gets in,
/// and from an address where they logged in before they do not wait at all.
pub(super) const NAME: Policy = Policy { free: 100, longest: 30 };
/// One name from all networks where its holder is known: a guesser who is known there has a session of theirs.
pub(super) const KNOWN_NAME: Policy = Policy { free: 100, longest: 30 };
/// The one-time passwords of one account from everywhere. There are a million, of which three are right, and a caller
/// who guesses at them has the password already.
pub(super) const CODES: Policy = Policy { free: 30, longest: 300 };

/// Failures, and when the last one was.
#[derive(Debug, Default)]
pub(super) struct Counter {
    failures: u32,
    last: DateTime<Utc>,
}

/// Counters by whose failures they count.
pub(super) type Counters<Key> = Cache<Key, Arc<Mutex<Counter>>>;

/// Evicts the least recently used: by frequency, a full cache would forget a new counter at once.
pub(super) fn cache<Key: Hash + Eq + Send + Sync + 'static, Value: Clone + Send + Sync + 'static>(
    most: u64,
) -> Cache<Key, Value> {
    Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).build()
}

impl Counter {
    /// One failure was none.
    pub(super) fn take_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    pub(super) fn forgive(&mut self) {
        self.failures = 0;
    }

    pub(super) fn check(&mut self, policy: &Policy, now: DateTime<Utc>) -> Result<(), Wait> {
        if now - self.last > FORGOTTEN_AFTER {
            self.failures = 0;
        }
        let Some(more) = self.failures.checked_sub(policy.free) else { return Ok(()) };
        let wait = (1_i64 << more.min(20)).min(policy.longest);
        let left = (self.last + TimeDelta::seconds(wait) - now).num_milliseconds();
        match u64::try_from(left) {
            Ok(left) if left > 0 => Err(Wait(left.div_ceil(1000))),
            _ => Ok(()),
        }
    }

    pub(super) fn count(&mut self, policy: &Policy, now: DateTime<Utc>) -> Result<(), Wait> {
        self.check(policy, now)?;
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        Ok(())
    }
}

/// Whether a counter, if there is one, lets another guess through.
pub(super) fn check(
    counter: Option<Arc<Mutex<Counter>>>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<(), Wait> {
    counter.map_or(Ok(()), |counter| lock(&counter).check(policy, now))
}

pub(super) fn lock<T>(counter: &Mutex<T>) -> MutexGuard<'_, T> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}
