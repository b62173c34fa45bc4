use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Downloads;
use super::gather::{Download, Gather, LastUsed};
use super::read::{Question, Unreadable};
use super::wanted::Wanted;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version, VersionError};

/// For how many days a registry may have no download at all. After a longer break, counting is taken to have been off.
const QUIET: i64 = 7;

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

/// The days with downloads of any package.
#[derive(Debug, Clone, Default)]
struct Days(BTreeSet<NaiveDate>);

impl Gather for Days {
    const IS_SET: bool = true;

    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.0.insert(download.day);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl Days {
    /// Returns the first of the days up to `today` that follow one another without a longer break than [`QUIET`] days: before
    /// it, downloads may not have been counted.
    fn unbroken_until(&self, today: NaiveDate) -> Option<NaiveDate> {
        let (mut first, mut next) = (None, today);
        for day in self.0.iter().rev() {
            if (next - *day).num_days() > QUIET {
                break;
            }
            (first, next) = (Some(*day), *day);
        }
        first
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

    /// Returns the first day from which on downloads were counted: after it, no week is without any.
    pub(crate) async fn counted_since(&self) -> Result<Option<NaiveDate>, Error> {
        let shared = self.shared()?;
        let period = DownloadPeriod::days_until(shared.today(), shared.settings.keep_days);
        let question = Question { period, wanted: Wanted::All, unreadable: Unreadable::Fails };
        Ok(shared.read(&question, Days::default()).await?.unbroken_until(shared.today()))
    }
}
