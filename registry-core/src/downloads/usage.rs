use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use chrono::NaiveDate;
use serde::Serialize;

use super::Downloads;
use super::read::Download;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version};

/// The days that [`DownloadStats`] are about.
const LATELY: u32 = 30;
/// How many of the most used packages are listed.
const MOST_USED: usize = 10;

/// What the downloads say about a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DownloadStats {
    /// Downloads of the last 30 days, today included.
    pub last_30_days: u64,
    /// The packages with the most of them, hosted or not, the most used first.
    pub most_used: Vec<PackageDownloads>,
    /// Hosted versions without any download for as long as downloads are kept.
    pub never_used: u64,
}

/// How often a package was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PackageDownloads {
    /// Downloads of all its versions.
    pub downloads: u64,
    /// Its name.
    pub name: PackageName,
}

/// Which versions were ever downloaded, with 8 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct VersionsUsed {
    state: RandomState,
    hashes: HashSet<u64>,
}

impl VersionsUsed {
    fn insert(&mut self, name: &PackageName, version: &str) {
        self.hashes.insert(self.state.hash_one((name, version)));
    }

    /// Whether the version was downloaded. Wrong once in billions of versions.
    pub(crate) fn contains(&self, name: &PackageName, version: &str) -> bool {
        self.hashes.contains(&self.state.hash_one((name, version)))
    }
}

impl Downloads {
    /// Returns the statistics without [`DownloadStats::never_used`], and what that is counted with; `None` if nothing is
    /// counted.
    pub(crate) async fn stats(&self) -> Result<Option<(DownloadStats, VersionsUsed)>, Error> {
        let Ok(shared) = self.shared() else { return Ok(None) };
        let today = shared.today();
        let (all, lately) = (
            DownloadPeriod::days_until(today, shared.settings.keep_days),
            DownloadPeriod::days_until(today, LATELY),
        );
        let (mut used, mut recent) = (VersionsUsed::default(), HashMap::<PackageName, u64>::new());
        let each = |download: Download<'_>| {
            used.insert(download.name, download.version.as_str());
            if lately.holds(download.day) {
                *recent.entry(download.name.clone()).or_default() += download.count;
            }
        };
        shared.read(all, None, each).await?;
        let last_30_days = recent.values().sum();
        let mut most_used: Vec<_> =
            recent.into_iter().map(|(name, downloads)| PackageDownloads { downloads, name }).collect();
        most_used.sort_by(|left, right| {
            (Reverse(left.downloads), &left.name).cmp(&(Reverse(right.downloads), &right.name))
        });
        most_used.truncate(MOST_USED);
        Ok(Some((DownloadStats { last_30_days, most_used, never_used: 0 }, used)))
    }

    /// Returns the last day on which each version of a package was downloaded, of those that were within the last `days`,
    /// today included.
    pub(crate) async fn last_used(
        &self,
        name: &PackageName,
        days: u32,
    ) -> Result<BTreeMap<Version, NaiveDate>, Error> {
        let shared = self.shared()?;
        let mut last: BTreeMap<Version, NaiveDate> = BTreeMap::new();
        let each = |download: Download<'_>| {
            let day = last.entry(download.version.clone()).or_insert(download.day);
            *day = download.day.max(*day);
        };
        let period = DownloadPeriod::days_until(shared.today(), days);
        shared.read(period, Some(&BTreeSet::from([name.clone()])), each).await?;
        Ok(last)
    }
}
