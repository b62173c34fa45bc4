use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

pub(crate) use crate::network::network_of;

/// The most callers that are tracked. The least recently seen is evicted first.
const CALLERS: u64 = 20_000;

/// Limits each caller to a number of operations per period, in a burst or spread out.
///
/// Stores one number per caller: the time at which all of its operations would be complete at an even pace.
#[derive(Debug)]
pub(crate) struct RateLimiter<Caller: Hash + Eq + Send + Sync + 'static> {
    period: i64,
    share: i64,
    done_at: Cache<Caller, Arc<AtomicI64>>,
}

/// Seconds to wait until the next operation is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

impl<Caller: Hash + Eq + Send + Sync + 'static> RateLimiter<Caller> {
    /// Allows `times` operations per `period`.
    pub(crate) fn new(times: NonZeroU32, period: TimeDelta) -> Self {
        let period = period.num_milliseconds();
        let share = (period / i64::from(times.get())).max(1);
        let done_at = Cache::builder().max_capacity(CALLERS).eviction_policy(EvictionPolicy::lru()).build();
        Self { period, share, done_at }
    }

    /// Counts one operation, or returns how long to wait.
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

    /// Uncounts one operation.
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
    fn a_burst_is_allowed_and_then_one_operation_per_share() {
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
