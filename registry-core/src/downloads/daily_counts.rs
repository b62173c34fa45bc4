use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::counts::sum;
use crate::domain::DownloadPeriod;

/// The downloads of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadCounts {
    period: DownloadPeriod,
    days: BTreeMap<NaiveDate, u64>,
}

impl DownloadCounts {
    pub(crate) fn new(period: DownloadPeriod) -> Self {
        Self { period, days: BTreeMap::new() }
    }

    pub(super) fn add_count(&mut self, day: NaiveDate, count: u64) {
        let sum = self.days.entry(day).or_default();
        *sum = sum.saturating_add(count);
    }

    pub(crate) fn add_all(&mut self, others: &Self) {
        for (day, count) in &others.days {
            self.add_count(*day, *count);
        }
    }

    /// Returns the period.
    pub fn period(&self) -> DownloadPeriod {
        self.period
    }

    /// Returns the downloads of all days together.
    pub fn total(&self) -> u64 {
        sum(self.days.values().copied())
    }

    /// Returns each day of the period with its downloads, those without any included.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, u64)> {
        self.period.days().map(|day| (day, self.days.get(&day).copied().unwrap_or_default()))
    }
}
