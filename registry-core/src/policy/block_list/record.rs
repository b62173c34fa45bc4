use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::storage::Blob;

use super::{BlockChange, BlockedVersions};

/// The most entries. Every replica keeps them in memory.
const MOST: usize = 10_000;
/// The most ended blocks that are remembered.
const REMEMBERED: usize = 1000;

/// The list, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct BlockRecord {
    pub(super) blocked: Vec<BlockedVersions>,
    /// The latest blocks that were lifted: documents of these packages changed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lifted: Vec<Lifted>,
}

/// A package of which a block was lifted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Lifted {
    pub(super) package: PackageName,
    pub(super) at: DateTime<Utc>,
}

impl BlockRecord {
    pub(super) fn read(stored: Option<&Blob>) -> Result<Self, Error> {
        stored.map_or_else(
            || Ok(Self::default()),
            |blob| {
                let damaged = |error: serde_json::Error| PolicyError::ListUnreadable { source: error.into() };
                serde_json::from_slice(&blob.bytes).map_err(|error| Error::Policy(damaged(error)))
            },
        )
    }

    pub(super) fn write(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Into::into).map_err(Error::internal)
    }

    pub(super) fn apply(
        &mut self,
        change: &BlockChange,
        now: DateTime<Utc>,
    ) -> Result<BlockedVersions, Error> {
        match change {
            BlockChange::Block(entry) => {
                let mut entry = entry.clone();
                let is_it = |known: &BlockedVersions| {
                    known.package == entry.package && known.versions == entry.versions
                };
                if let Some(place) = self.blocked.iter().position(is_it) {
                    let known = &mut self.blocked[place];
                    if known.until.is_none_or(|until| until > now) {
                        entry.since = known.since;
                    }
                    *known = entry.clone();
                    return Ok(entry);
                }
                // An ended block is of no use any more.
                self.blocked.retain(|known| known.until.is_none_or(|until| until > now));
                if self.blocked.len() >= MOST {
                    return Err(Error::request(format!(
                        "the list has {MOST} entries: block a range in place of single versions, or remove entries"
                    )));
                }
                self.blocked.push(entry.clone());
                Ok(entry)
            }
            BlockChange::Unblock(package, versions) => {
                let is_it =
                    |known: &BlockedVersions| known.package == *package && known.versions == *versions;
                let place = self.blocked.iter().position(is_it).ok_or_else(|| {
                    let selector = format!("{package}@{versions}");
                    Error::Policy(PolicyError::NotBlocked { selector })
                })?;
                let entry = self.blocked.remove(place);
                self.lifted.retain(|lifted| lifted.package != *package);
                self.lifted.push(Lifted { package: package.clone(), at: now });
                let old = self.lifted.len().saturating_sub(REMEMBERED);
                self.lifted.drain(..old);
                Ok(entry)
            }
        }
    }
}
