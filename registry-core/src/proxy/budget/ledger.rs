use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::proxy::Proxy;
use crate::storage::{BlobDecision, Key};

/// How often a sweep measures the cache even if the ledger is below the limit.
const SWEEP_AGAIN: Duration = Duration::from_hours(24);
/// A sweep that takes longer was interrupted, and another process may begin one.
const LONGEST_SWEEP: Duration = Duration::from_mins(10);

/// The cache size that all processes share. Changed by compare-and-swap only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// The approximate size of the cache: the bytes that the last sweep left, plus those cached since.
    pub(super) bytes: u64,
    /// When a sweep last ended.
    pub(super) swept: Option<DateTime<Utc>>,
    /// When the sweep in progress began.
    pub(super) sweeping: Option<DateTime<Utc>>,
}

impl Ledger {
    /// Whether a sweep is due and none is in progress.
    pub(super) fn is_due(&self, limit: u64, now: DateTime<Utc>) -> bool {
        let is_younger = |moment: Option<DateTime<Utc>>, age: Duration| {
            moment.is_some_and(|moment| (now - moment).to_std().unwrap_or_default() < age)
        };
        let is_wanted = self.bytes > limit || !is_younger(self.swept, SWEEP_AGAIN);
        is_wanted && !is_younger(self.sweeping, LONGEST_SWEEP)
    }
}

impl Proxy {
    /// Changes the ledger and returns its new state; `None` if other processes kept changing it.
    pub(super) async fn change_ledger(
        &self,
        change: impl Fn(&mut Ledger) + Send + Sync,
    ) -> Result<Option<Ledger>, Error> {
        let path = Key::UpstreamLedger.path()?;
        // A missing ledger counts as a new one, so its absence needs no proof.
        let changed = self.parts.store.update_cached_with(&path, |stored| {
            // A damaged ledger counts as a new one: a sweep corrects it.
            let read = stored.and_then(|blob| serde_json::from_slice(&blob.bytes).ok());
            let mut ledger: Ledger = read.unwrap_or_default();
            change(&mut ledger);
            let json = serde_json::to_vec(&ledger).map_err(Error::internal)?;
            Ok::<_, Error>(BlobDecision::Write(json.into(), ledger))
        });
        match changed.await {
            Ok(ledger) => Ok(Some(ledger)),
            Err(Error::Busy) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sweep_at_a_time_when_there_is_too_much_and_once_a_day() {
        let now = DateTime::UNIX_EPOCH + Duration::from_hours(1000);
        let ledger = |bytes, swept, sweeping: Option<u64>| Ledger {
            bytes,
            swept: Some(now - Duration::from_hours(swept)),
            sweeping: sweeping.map(|minutes| now - Duration::from_mins(minutes)),
        };
        assert!(Ledger::default().is_due(100, now), "the cache size is unknown");
        assert!(!ledger(100, 1, None).is_due(100, now));
        assert!(ledger(101, 1, None).is_due(100, now));
        assert!(!ledger(101, 1, Some(9)).is_due(100, now), "another process is at it");
        assert!(ledger(101, 1, Some(10)).is_due(100, now), "it was cut off");
        assert!(ledger(0, 24, None).is_due(100, now));
    }
}
