use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Downloads;
use super::gather::{Download, Gather};
use super::read::{Question, Unreadable};
use super::wanted::Wanted;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version, VersionError};

/// The downloads of a package: version → day → number.
pub(crate) type DaysOfVersions = BTreeMap<Version, BTreeMap<NaiveDate, u64>>;

/// Package → version → day → downloads.
#[derive(Debug, Clone, Default)]
struct ByDay(BTreeMap<PackageName, DaysOfVersions>);

impl ByDay {
    fn add_to(&mut self, name: &PackageName, version: Version, day: NaiveDate, count: u64) {
        let days = self.0.entry(name.clone()).or_default().entry(version).or_default();
        let sum = days.entry(day).or_default();
        *sum = sum.saturating_add(count);
    }
}

impl Gather for ByDay {
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        let version = Version::parse(download.version)?;
        self.add_to(download.name, version, download.day, download.count);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (name, versions) in other.0 {
            for (version, days) in versions {
                for (day, count) in days {
                    self.add_to(&name, version.clone(), day, count);
                }
            }
        }
    }
}

impl Downloads {
    /// Returns the days of which counts are kept; `None` if nothing is counted.
    pub(crate) fn kept_period(&self) -> Option<DownloadPeriod> {
        let shared = self.shared().ok()?;
        Some(DownloadPeriod::days_until(shared.today(), shared.settings.keep_days))
    }

    /// Returns the downloads of each version of these packages by day. Fails if any of the counts cannot be read: a report
    /// that lacks them would say that there were no downloads.
    pub(crate) async fn by_day(
        &self,
        names: &[PackageName],
        period: DownloadPeriod,
    ) -> Result<BTreeMap<PackageName, DaysOfVersions>, Error> {
        let shared = self.shared()?;
        let wanted = Wanted::these(names.iter().cloned());
        let question = Question { period, wanted, unreadable: Unreadable::Fails };
        Ok(shared.read(&question, ByDay::default()).await?.0)
    }
}
