//! What is kept of the counts that a reader asks for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::daily_counts::DownloadCounts;
use crate::domain::{DownloadPeriod, PackageName, Version, VersionError};

/// How often a version was downloaded on a day, or a part of that.
pub(super) struct Download<'a> {
    pub(super) day: NaiveDate,
    pub(super) name: &'a PackageName,
    /// As it is stored.
    pub(super) version: &'a str,
    pub(super) count: u64,
}

/// What is kept of downloads: of one file, and then of all. A clone of an empty one begins each.
pub(super) trait Gather: Clone + Send + Sync + 'static {
    /// Whether a download that is added twice counts once, so that no file needs to wait for another.
    const IS_SET: bool = false;

    /// Adds one of the downloads that are asked for.
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError>;

    /// Adds what was kept of another file.
    fn merge(&mut self, other: Self);
}

/// Package → downloads by day.
#[derive(Debug, Clone)]
pub(super) struct ByPackage {
    period: DownloadPeriod,
    pub(super) counts: BTreeMap<PackageName, DownloadCounts>,
}

impl ByPackage {
    pub(super) fn new(period: DownloadPeriod) -> Self {
        Self { period, counts: BTreeMap::new() }
    }

    fn of(&mut self, name: &PackageName) -> &mut DownloadCounts {
        let period = self.period;
        self.counts.entry(name.clone()).or_insert_with(|| DownloadCounts::new(period))
    }
}

impl Gather for ByPackage {
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.of(download.name).add_count(download.day, download.count);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (name, counts) in &other.counts {
            self.of(name).add_all(counts);
        }
    }
}

/// The packages that were downloaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(pub(super) BTreeSet<PackageName>);

impl Gather for Names {
    const IS_SET: bool = true;

    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.0.insert(download.name.clone());
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// The downloads of all packages together.
impl Gather for DownloadCounts {
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.add_count(download.day, download.count);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.add_all(&other);
    }
}

/// Version → downloads.
#[derive(Debug, Clone, Default)]
pub(super) struct ByVersion(pub(super) BTreeMap<Version, u64>);

impl ByVersion {
    fn add_to(&mut self, version: Version, count: u64) {
        let sum = self.0.entry(version).or_default();
        *sum = sum.saturating_add(count);
    }
}

impl Gather for ByVersion {
    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.add_to(Version::parse(download.version)?, download.count);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (version, count) in other.0 {
            self.add_to(version, count);
        }
    }
}

/// Version → the last day on which it was downloaded.
#[derive(Debug, Clone, Default)]
pub(super) struct LastUsed(pub(super) BTreeMap<Version, NaiveDate>);

impl LastUsed {
    fn add_to(&mut self, version: Version, day: NaiveDate) {
        let last = self.0.entry(version).or_insert(day);
        *last = day.max(*last);
    }
}

impl Gather for LastUsed {
    const IS_SET: bool = true;

    fn add(&mut self, download: &Download<'_>) -> Result<(), VersionError> {
        self.add_to(Version::parse(download.version)?, download.day);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (version, day) in other.0 {
            self.add_to(version, day);
        }
    }
}
