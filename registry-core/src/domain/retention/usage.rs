use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::Version;

use super::KeepReason;

/// What is known of the downloads of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VersionUsage {
    /// The first day from which on downloads were counted.
    pub(crate) counted_since: Option<NaiveDate>,
    /// The last day on which each version was downloaded.
    pub(crate) last_days: BTreeMap<Version, NaiveDate>,
}

impl VersionUsage {
    /// Returns why a version that must not have been downloaded for `days` stays. The first counted day may be incomplete, so
    /// that it proves nothing.
    pub(super) fn keep(&self, version: &Version, today: NaiveDate, days: u32) -> Option<KeepReason> {
        let first = first_day(today, days);
        if let Some(day) = self.last_days.get(version).copied().filter(|day| *day >= first) {
            return Some(KeepReason::Downloaded { day });
        }
        let proven = self.counted_since.is_some_and(|since| since < first);
        (!proven).then_some(KeepReason::NotCounted { since: self.counted_since })
    }
}

/// The first of the days on which a download keeps a version. A day is no moment: whatever time it is now, the last `days` times 24
/// hours are in `days + 1` days.
fn first_day(today: NaiveDate, days: u32) -> NaiveDate {
    today.checked_sub_days(chrono::Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}
