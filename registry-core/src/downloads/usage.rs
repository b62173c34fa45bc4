use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde::Serialize;

use super::Downloads;
use super::counts::sum;
use super::gather::{Download, Gather};
use super::read::{Question, Unreadable};
use super::wanted::Wanted;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version, VersionError};

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
#[derive(Debug, Clone, Default)]
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

/// What [`DownloadStats`] are made of.
#[derive(Debug, Clone)]
struct Usage {
    lately: DownloadPeriod,
    /// The clones share its state, so that their hashes are alike.
    used: VersionsUsed,
    recent: HashMap<PackageName, u64>,
}

impl Usage {
    fn add_recent(&mut self, name: &PackageName, count: u64) {
        let recent = self.recent.entry(name.clone()).or_default();
        *recent = recent.saturating_add(count);
    }
}

impl Gather for Usage {
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        // What is no version would be taken for one that is not used.
        self.used.insert(download.name, Version::parse(download.version)?.as_str());
        if self.lately.holds(download.day) {
            self.add_recent(download.name, download.count);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.used.hashes.extend(other.used.hashes);
        for (name, count) in &other.recent {
            self.add_recent(name, *count);
        }
    }
}

impl Downloads {
    /// Returns the statistics without [`DownloadStats::never_used`], and what that is counted with; `None` if nothing is
    /// counted. Fails if any of the counts cannot be read: what they have would look unused.
    pub(crate) async fn stats(&self) -> Result<Option<(DownloadStats, VersionsUsed)>, Error> {
        let Ok(shared) = self.shared() else { return Ok(None) };
        let today = shared.today();
        let (all, lately) = (
            DownloadPeriod::days_until(today, shared.settings.keep_days),
            DownloadPeriod::days_until(today, LATELY),
        );
        let question = Question { period: all, wanted: Wanted::All, unreadable: Unreadable::Fails };
        let empty = Usage { lately, used: VersionsUsed::default(), recent: HashMap::new() };
        let Usage { used, recent, .. } = shared.read(&question, empty).await?;
        let last_30_days = sum(recent.values().copied());
        let mut most_used: Vec<_> =
            recent.into_iter().map(|(name, downloads)| PackageDownloads { downloads, name }).collect();
        most_used.sort_by(|left, right| {
            (Reverse(left.downloads), &left.name).cmp(&(Reverse(right.downloads), &right.name))
        });
        most_used.truncate(MOST_USED);
        Ok(Some((DownloadStats { last_30_days, most_used, never_used: 0 }, used)))
    }
}
