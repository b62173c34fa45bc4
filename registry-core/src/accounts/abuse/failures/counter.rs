use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::super::rate::Wait;

/// A counter restarts after this long without a failure.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// How many failures are free, and the longest wait in seconds after each further one. The first wait is one second,
/// and each wait doubles the previous one.
pub(super) struct Policy {
    free: u32,
    longest: i64,
}

/// One name from one address: a guesser, or a holder who forgot the password.
pub(super) const PAIR: Policy = Policy { free: 5, longest: 300 };
/// All names from one address, which a whole office may share.
pub(super) const ADDRESS: Policy = Policy { free: 30, longest: 300 };
/// All names from one IPv6 site, which has 65,536 networks.
pub(super) const SITE: Policy = Policy { free: 300, longest: 60 };
/// One name from everywhere. The wait is short, so that strangers cannot lock an account out: the holder gets in
/// between two waits, and does not wait at all at a known network.
pub(super) const NAME: Policy = Policy { free: 100, longest: 30 };
/// One name from one network where the holder is known. Unlike [`PAIR`], it is not reset when the holder logs in from
/// that network. The 8 known networks of a name together allow about as many guesses as [`NAME`].
pub(super) const KNOWN_NETWORK: Policy = Policy { free: 6, longest: 240 };
/// The one-time passwords of one account from everywhere. Three of a million are right at a time, and a guesser
/// already has the password.
pub(super) const CODES: Policy = Policy { free: 30, longest: 300 };

/// Number of failures, and the time of the last one.
#[derive(Debug, Default)]
pub(super) struct Counter {
    failures: u32,
    last: DateTime<Utc>,
    /// Identifies the latest counted guess.
    serial: u64,
}

/// One counted guess, so that it can be uncounted.
#[derive(Debug)]
pub(super) struct Counted {
    serial: u64,
    /// The time of the failure before it.
    before: DateTime<Utc>,
}

/// Failure counters by key.
pub(super) type Counters<Key> = Cache<Key, Arc<Mutex<Counter>>>;

/// Evicts by recency: a full cache that evicts by frequency would drop a new counter at once.
pub(super) fn cache<Key: Hash + Eq + Send + Sync + 'static, Value: Clone + Send + Sync + 'static>(
    most: u64,
) -> Cache<Key, Value> {
    Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).build()
}

impl Counter {
    /// Uncounts one failure. If it is the latest, its wait ends too, so that a client that sends the right password
    /// with each request prolongs no wait.
    pub(super) fn take_back(&mut self, counted: &Counted) {
        self.failures = self.failures.saturating_sub(1);
        if self.serial == counted.serial {
            self.last = counted.before;
        }
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

    pub(super) fn count(&mut self, policy: &Policy, now: DateTime<Utc>) -> Result<Counted, Wait> {
        self.check(policy, now)?;
        let before = std::mem::replace(&mut self.last, now);
        self.failures = self.failures.saturating_add(1);
        self.serial = self.serial.wrapping_add(1);
        Ok(Counted { serial: self.serial, before })
    }
}

/// Checks whether a counter, if present, allows another guess.
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
