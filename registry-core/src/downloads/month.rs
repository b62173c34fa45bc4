use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use super::counts::{Counts, place_of};
use super::day::damaged;
use crate::Error;
use crate::domain::{PackageName, Version};
use crate::storage::{Blob, BlobPath, Key};

/// What all processes counted in a month, for the packages of one shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MonthShard {
    /// The ids of the objects of days that are in these counts, and on which day they were folded. Each is listed until
    /// long after its object is deleted.
    pub(super) folded: BTreeMap<String, NaiveDate>,
    /// Package → version → day of the month → downloads.
    packages: BTreeMap<PackageName, BTreeMap<Version, BTreeMap<u32, u64>>>,
}

impl MonthShard {
    pub(super) fn path_of(day: NaiveDate, place: usize) -> Result<BlobPath, Error> {
        Ok(Key::DownloadMonth(&month_of(day), place).path()?)
    }

    /// Parses the shard; an empty one if there is none.
    pub(super) fn parse(path: &BlobPath, stored: Option<&Blob>) -> Result<Self, Error> {
        let parsed = stored.map(|blob| serde_json::from_slice(&blob.bytes)).transpose();
        Ok(parsed.map_err(|error| damaged(path, &error))?.unwrap_or_default())
    }

    pub(super) fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(serde_json::to_vec(self).map_err(Error::internal)?.into())
    }

    /// Adds the counts of a day for the packages of the shard at `place`.
    pub(super) fn add(&mut self, place: usize, day: NaiveDate, counts: &Counts) {
        for (name, version, count) in counts.iter().filter(|(name, ..)| place_of(name) == place) {
            let versions = self.packages.entry(name.clone()).or_default();
            let sum = versions.entry(version.clone()).or_default().entry(day.day()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// Returns the name of the month of a day, as `2026-01`.
fn month_of(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// Returns the last day of the month of this name; `None` if it is not the name of a month.
pub(super) fn last_day_of(month: &str) -> Option<NaiveDate> {
    let first: NaiveDate = format!("{month}-01").parse().ok()?;
    first.checked_add_months(chrono::Months::new(1))?.pred_opt()
}
