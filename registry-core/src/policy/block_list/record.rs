use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::{OutboxEntry, PackageName};
use crate::error::PolicyError;
use crate::storage::Blob;

use crate::vocabulary::RecallCause;

use super::{BlockChange, BlockedVersions};

/// The most entries. Every replica keeps them in memory.
const MOST: usize = 10_000;
/// The most entries where an administrator of packages adds one: the rest is for operators, who see all packages.
const MOST_BY_ADMINISTRATORS: usize = 9000;
/// The most entries of one administrator, who else could take the room of all others.
const MOST_OF_ONE: usize = 2000;
/// The most entries where the registry adds one by itself: the rest is for people.
const MOST_BY_ITSELF: usize = 8000;
/// The most ended blocks that are remembered.
const REMEMBERED: usize = 1000;

/// The list, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct BlockRecord {
    pub(super) blocked: Vec<BlockedVersions>,
    /// The latest recalls by advisories that were undone: the same advisory does not recall the version again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undone: Vec<BlockedVersions>,
    /// The latest blocks that were lifted: documents of these packages changed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lifted: Vec<Lifted>,
    /// The events of the latest changes, until the change feed has them.
    #[serde(default, rename = "_outbox", skip_serializing_if = "Vec::is_empty")]
    pub(crate) outbox: Vec<OutboxEntry>,
}

/// A package of which a block was lifted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Lifted {
    pub(super) package: PackageName,
    pub(super) at: DateTime<Utc>,
}

impl BlockRecord {
    pub(crate) fn read(stored: Option<&Blob>) -> Result<Self, Error> {
        stored.map_or_else(
            || Ok(Self::default()),
            |blob| {
                let damaged = |error: serde_json::Error| PolicyError::ListUnreadable { source: error.into() };
                serde_json::from_slice(&blob.bytes).map_err(|error| Error::Policy(damaged(error)))
            },
        )
    }

    pub(crate) fn write(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Into::into).map_err(Error::internal)
    }

    fn was_undone(&self, recall: &BlockedVersions) -> bool {
        matches!(recall.recalled, Some(RecallCause::Advisory(_)))
            && self.undone.iter().any(|known| is_same_recall(known, recall))
    }

    fn require_room(&self, entry: &BlockedVersions, by_itself: bool) -> Result<(), Error> {
        let of_one = |by: &String| self.blocked.iter().filter(|known| known.by.as_ref() == Some(by)).count();
        let (count, most, whose) = match &entry.by {
            Some(by) if of_one(by) >= MOST_OF_ONE => (MOST_OF_ONE, MOST_OF_ONE, " of yours"),
            Some(_) => (self.blocked.len(), MOST_BY_ADMINISTRATORS, ""),
            None if by_itself => (self.blocked.len(), MOST_BY_ITSELF, ""),
            None => (self.blocked.len(), MOST, ""),
        };
        if count < most {
            return Ok(());
        }
        Err(Error::request(format!(
            "the list has {most} entries{whose}: block a range in place of single versions, or remove entries"
        )))
    }

    /// Applies a change. Returns the entry that was set or removed; `None` if nothing changed.
    pub(crate) fn apply(
        &mut self,
        change: &BlockChange,
        now: DateTime<Utc>,
    ) -> Result<Option<BlockedVersions>, Error> {
        match change {
            BlockChange::Block(entry) | BlockChange::RecallIfNew(entry) => {
                let by_itself = matches!(change, BlockChange::RecallIfNew(_));
                let mut entry = entry.clone();
                let is_it = |known: &BlockedVersions| {
                    known.package == entry.package
                        && known.versions == entry.versions
                        && known.recalled.is_some() == entry.recalled.is_some()
                };
                if by_itself && (self.blocked.iter().any(is_it) || self.was_undone(&entry)) {
                    return Ok(None);
                }
                if let Some(place) = self.blocked.iter().position(is_it) {
                    let known = &mut self.blocked[place];
                    if known.until.is_none_or(|until| until > now) {
                        entry.since = known.since;
                    }
                    *known = entry.clone();
                    return Ok(Some(entry));
                }
                // An ended block is of no use any more.
                self.blocked.retain(|known| known.until.is_none_or(|until| until > now));
                self.require_room(&entry, by_itself)?;
                self.blocked.push(entry.clone());
                Ok(Some(entry))
            }
            BlockChange::Unblock(package, versions) | BlockChange::UndoRecall(package, versions) => {
                let is_recall = matches!(change, BlockChange::UndoRecall(..));
                let is_it = |known: &BlockedVersions| {
                    known.package == *package
                        && known.versions == *versions
                        && known.recalled.is_some() == is_recall
                };
                let place = self.blocked.iter().position(is_it).ok_or_else(|| {
                    let selector = format!("{package}@{versions}");
                    Error::Policy(if is_recall {
                        PolicyError::NotRecalled { selector }
                    } else {
                        PolicyError::NotBlocked { selector }
                    })
                })?;
                let entry = self.blocked.remove(place);
                if matches!(entry.recalled, Some(RecallCause::Advisory(_))) {
                    self.undone.retain(|known| !is_same_recall(known, &entry));
                    self.undone.push(entry.clone());
                    let old = self.undone.len().saturating_sub(REMEMBERED);
                    self.undone.drain(..old);
                }
                self.lifted.retain(|lifted| lifted.package != *package);
                self.lifted.push(Lifted { package: package.clone(), at: now });
                let old = self.lifted.len().saturating_sub(REMEMBERED);
                self.lifted.drain(..old);
                Ok(Some(entry))
            }
        }
    }
}

fn is_same_recall(one: &BlockedVersions, other: &BlockedVersions) -> bool {
    one.package == other.package && one.versions == other.versions && one.recalled == other.recalled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize, by: Option<&str>) -> BlockedVersions {
        BlockedVersions {
            package: PackageName::parse(&format!("pear{number}")).unwrap(),
            versions: "*".to_owned(),
            reason: "worm".to_owned(),
            since: DateTime::UNIX_EPOCH,
            until: None,
            by: by.map(str::to_owned),
            recalled: None,
        }
    }

    /// Who administers one scope cannot take the room that others need to block a worm.
    #[test]
    fn an_administrator_leaves_room_for_others_and_all_of_them_for_operators() {
        let mut record = BlockRecord::default();
        let mut number = 0;
        let mut fill = |record: &mut BlockRecord, by: Option<&str>| loop {
            number += 1;
            if let Err(error) = record.require_room(&entry(number, by), false) {
                return (record.blocked.len(), error.to_string());
            }
            record.blocked.push(entry(number, by));
        };
        let (count, told) = fill(&mut record, Some("ana"));
        assert_eq!(count, 2000);
        assert!(told.contains("2000 entries of yours"), "{told}");
        for (name, expected) in [("ben", 4000), ("eve", 6000), ("ida", 8000), ("joe", 9000)] {
            assert_eq!(fill(&mut record, Some(name)).0, expected, "{name}");
        }
        assert!(
            record.require_room(&entry(0, None), true).is_err(),
            "what recalls by itself leaves room, too"
        );
        assert_eq!(fill(&mut record, None).0, 10_000);
    }
}
