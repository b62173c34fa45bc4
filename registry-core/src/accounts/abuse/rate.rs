use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

pub(crate) use crate::network::network_of;

/// How many callers are told apart. The one that came least recently is forgotten first.
const CALLERS: u64 = 20_000;

/// Lets each caller do something so often in a period, at once or spread over it.
///
/// One number is kept for each: the moment at which all that they did would have been done, had they done it evenly.
#[derive(Debug)]
pub(crate) struct RateLimiter<Caller: Hash + Eq + Send + Sync + 'static> {
    period: i64,
    share: i64,
    done_at: Cache<Caller, Arc<AtomicI64>>,
}

/// For how many seconds to wait until the next one is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

impl<Caller: Hash + Eq + Send + Sync + 'static> RateLimiter<Caller> {
    /// `times` in each `period`.
    pub(crate) fn new(times: NonZeroU32, period: TimeDelta) -> Self {
        let period = period.num_milliseconds();
        let share = (period / i64::from(times.get())).max(1);
        let done_at = Cache::builder().max_capacity(CALLERS).eviction_policy(EvictionPolicy::lru()).build();
        Self { period, share, done_at }
    }

    /// Counts one more, or tells how long to wait.
    pub(crate) fn take(&self, caller: Caller, now: DateTime<Utc>) -> Result<(), Wait> {
        let now = now.timestamp_millis();
        let done_at = self.done_at.get_with(caller, || Arc::new(AtomicI64::new(0)));
        let taken = done_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |done_at| {
            let next = done_at.max(now) + self.share;
            (next - now <= self.period).then_some(next)
        });
        taken.map(|_| ()).map_err(|done_at| {
            let milliseconds = done_at + self.share - self.period - now;
            Wait(u64::try_from(milliseconds).unwrap_or_default().div_ceil(1000).max(1))
        })
    }

    /// Takes back one that was counted.
    pub(crate) fn give_back(&self, caller: &Caller) {
        if let Some(done_at) = self.done_at.get(caller) {
            done_at.fetch_sub(self.share, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn so_many_are_let_through_and_then_one_after_each_share() {
        let limiter = RateLimiter::new(NonZeroU32::new(3).unwrap(), TimeDelta::minutes(1));
        for _ in 0..3 {
            assert_eq!(limiter.take("ana", at(0)), Ok(()));
        }
        assert_eq!(limiter.take("ana", at(0)), Err(Wait(20)));
        assert_eq!(limiter.take("ben", at(0)), Ok(()));
        assert_eq!(limiter.take("ana", at(19_999)), Err(Wait(1)));
        assert_eq!(limiter.take("ana", at(20_000)), Ok(()));
        assert_eq!(limiter.take("ana", at(20_000)), Err(Wait(20)));
        limiter.give_back(&"ana");
        assert_eq!(limiter.take("ana", at(20_000)), Ok(()));
        for _ in 0..3 {
            assert_eq!(limiter.take("ana", at(3_600_000)), Ok(()));
        }
    }
}
