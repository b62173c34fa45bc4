use bytes::Bytes;
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::Error;
use crate::storage::{BlobPath, Key, Storage};

/// What one process counted on a day, as it is stored. Only that process changes it, until it is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayDocument {
    /// Whether it is about to be folded, and must not change any more.
    #[serde(rename = "closed", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_closed: bool,
    pub(super) packages: Counts,
}

/// A stored [`DayDocument`], as its path describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayObject {
    pub(super) day: NaiveDate,
    pub(super) id: String,
    pub(super) path: BlobPath,
}

impl DayDocument {
    pub(super) fn open(packages: Counts) -> Self {
        Self { is_closed: false, packages }
    }

    pub(super) fn parse(path: &BlobPath, bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| damaged(path, &error))
    }

    pub(super) fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(serde_json::to_vec(self).map_err(Error::internal)?.into())
    }
}

impl DayObject {
    pub(super) fn path_of(day: NaiveDate, id: &str) -> Result<BlobPath, Error> {
        Ok(Key::DownloadDay(&day.to_string(), id).path()?)
    }

    /// Parses a path below [`Key::download_days`]; `None` if it is not such an object.
    fn of(path: &BlobPath) -> Option<Self> {
        let folder = Key::download_days().ok()?;
        let (day, file) = folder.remainder(path)?.split_once('/')?;
        let id = file.strip_suffix(".json")?.to_owned();
        Some(Self { day: day.parse().ok()?, id, path: path.clone() })
    }
}

/// Lists the objects of all days, the oldest first.
pub(super) async fn list_days(store: &Storage) -> Result<Vec<DayObject>, Error> {
    let mut listed = store.list(&Key::download_days()?);
    let mut found = Vec::new();
    while let Some(blob) = listed.try_next().await? {
        found.extend(DayObject::of(&blob.path));
    }
    Ok(found)
}

pub(super) fn damaged(path: &BlobPath, error: &serde_json::Error) -> Error {
    Error::Damaged(format!("{path}, which has counts of downloads, cannot be read: {error}").into())
}
