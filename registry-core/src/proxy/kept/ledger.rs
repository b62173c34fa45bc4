use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::proxy::Proxy;
use crate::storage::{Decision, Key, update_with};

/// So often a sweep finds out how much is kept, also if the ledger says that there is room.
const SWEEP_AGAIN: Duration = Duration::from_hours(24);
/// A sweep that takes longer was cut off, and another process may begin one.
const LONGEST_SWEEP: Duration = Duration::from_mins(10);

/// What all processes know of how much is kept. Changed by compare-and-swap only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// About how many bytes are kept: as many as the last sweep left, and what was put in since.
    pub(super) bytes: u64,
    /// When a sweep last ended.
    pub(super) swept: Option<DateTime<Utc>>,
    /// When the sweep began that is under way.
    pub(super) sweeping: Option<DateTime<Utc>>,
}

impl Ledger {
    /// Whether somebody should sweep, and nobody does.
    pub(super) fn is_due(&self, limit: u64, now: DateTime<Utc>) -> bool {
        let is_younger = |moment: Option<DateTime<Utc>>, age: Duration| {
            moment.is_some_and(|moment| (now - moment).to_std().unwrap_or_default() < age)
        };
        let is_wanted = self.bytes > limit || !is_younger(self.swept, SWEEP_AGAIN);
        is_wanted && !is_younger(self.sweeping, LONGEST_SWEEP)
    }
}

impl Proxy {
    /// Changes the ledger, and gives it as it is then; `None` if others kept changing it.
    pub(super) async fn change_ledger(
        &self,
        change: impl Fn(&mut Ledger) + Send + Sync,
    ) -> Result<Option<Ledger>, Error> {
        let path = Key::UpstreamLedger.path()?;
        // A missing ledger is as good as a new one, so nothing has to prove that it is missing.
        let store = &**self.parts.store.blobs();
        let changed = update_with(store, &*self.parts.randomness, &path, |stored| {
            // A damaged one is as good as none: a sweep finds out.
            let read = stored.and_then(|blob| serde_json::from_slice(&blob.bytes).ok());
            let mut ledger: Ledger = read.unwrap_or_default();
            change(&mut ledger);
            let json = serde_json::to_vec(&ledger).map_err(Error::internal)?;
            Ok::<_, Error>(Decision::Write(json.into(), ledger))
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
        assert!(Ledger::default().is_due(100, now), "nobody knows what is kept");
        assert!(!ledger(100, 1, None).is_due(100, now));
        assert!(ledger(101, 1, None).is_due(100, now));
        assert!(!ledger(101, 1, Some(9)).is_due(100, now), "another process is at it");
        assert!(ledger(101, 1, Some(10)).is_due(100, now), "it was cut off");
        assert!(ledger(0, 24, None).is_due(100, now));
    }
}
