use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Downloads;
use super::gather::{Download, Gather, LastUsed};
use super::read::{Question, Unreadable};
use super::wanted::Wanted;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version, VersionError};

/// Package → version → the last day on which it was downloaded.
#[derive(Debug, Clone, Default)]
struct LastUses(BTreeMap<PackageName, LastUsed>);

impl Gather for LastUses {
    const IS_SET: bool = true;

    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.0.entry(download.name.clone()).or_default().add(download)
    }

    fn merge(&mut self, other: Self) {
        for (name, used) in other.0 {
            self.0.entry(name).or_default().merge(used);
        }
    }
}

/// The first day with downloads.
#[derive(Debug, Clone, Default)]
struct FirstDay(Option<NaiveDate>);

impl FirstDay {
    fn add_day(&mut self, day: NaiveDate) {
        self.0 = Some(self.0.map_or(day, |first| first.min(day)));
    }
}

impl Gather for FirstDay {
    const IS_SET: bool = true;

    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.add_day(download.day);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|day| self.add_day(day));
    }
}

/// Fail if any of the counts cannot be read: what they have would look unused.
impl Downloads {
    /// Returns the last day on which each version of these packages was downloaded, of those that were within the last
    /// `days`, today included, as far back as counts are kept.
    pub(crate) async fn last_uses(
        &self,
        names: &[PackageName],
        days: u32,
    ) -> Result<BTreeMap<PackageName, BTreeMap<Version, NaiveDate>>, Error> {
        let shared = self.shared()?;
        let period = DownloadPeriod::days_until(shared.today(), days.min(shared.settings.keep_days));
        let wanted = Wanted::these(names.iter().cloned());
        let question = Question { period, wanted, unreadable: Unreadable::Fails };
        let LastUses(found) = shared.read(&question, LastUses::default()).await?;
        Ok(found.into_iter().map(|(name, used)| (name, used.0)).collect())
    }

    /// Returns the first day on which any package was downloaded, of those for which counts are kept.
    pub(crate) async fn counted_since(&self) -> Result<Option<NaiveDate>, Error> {
        let shared = self.shared()?;
        let period = DownloadPeriod::days_until(shared.today(), shared.settings.keep_days);
        let question = Question { period, wanted: Wanted::All, unreadable: Unreadable::Fails };
        Ok(shared.read(&question, FirstDay::default()).await?.0)
    }
}
