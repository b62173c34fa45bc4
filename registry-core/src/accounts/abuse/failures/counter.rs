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
/// One name from one network where its holder is known. It is not forgiven, as [`PAIR`] is, when the holder logs in from
/// the same network. The 8 networks that a name can have let about as much through together as [`NAME`].
pub(super) const KNOWN_NETWORK: Policy = Policy { free: 6, longest: 240 };
/// The one-time passwords of one account from everywhere. There are a million, of which three are right, and a caller
/// who guesses at them has the password already.
pub(super) const CODES: Policy = Policy { free: 30, longest: 300 };

/// Failures, and when the last one was.
#[derive(Debug, Default)]
pub(super) struct Counter {
    failures: u32,
    last: DateTime<Utc>,
    /// Tells apart the guesses that were counted.
    serial: u64,
}

/// One guess that was counted, so that it can be taken back.
#[derive(Debug)]
pub(super) struct Counted {
    serial: u64,
    /// When the failure before it was.
    before: DateTime<Utc>,
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
    /// One failure was none. If it is the latest, nothing waits for it either: a client that shows the right password with
    /// each request prolongs no wait.
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
