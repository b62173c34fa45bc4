use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::PackageName;
use crate::domain::packument::Revision;
use crate::domain::search::{Findable, SearchEntry};
use crate::storage::BlobETag;

use super::private_names::PrivateName;

/// The number of shards. Part of the format: another number needs another folder.
pub(super) const SHARDS: u8 = 16;

/// Returns the shard of a package.
pub(super) fn shard_of(name: &PackageName) -> u8 {
    Sha256::digest(name.as_str())[0] % SHARDS
}

/// A package in the index.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    /// The revision of the packument that this was derived from.
    pub(super) revision: Revision,
    pub(super) package: Findable,
    pub(super) private: PrivateName,
}

impl Indexed {
    pub(super) fn new(name: PackageName, revision: Revision, entry: Option<SearchEntry>) -> Self {
        let private = PrivateName::new(&name);
        Self { revision, package: Findable::new(name, entry), private }
    }
}

/// A shard of the index as stored at one moment.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// The shard's state in the store; `None` if there was nothing.
    pub(super) etag: Option<BlobETag>,
    pub(super) contents: Contents,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    /// When all packages were compared; `None` if they never were, and packages may be missing.
    pub(super) rebuilt: Option<DateTime<Utc>>,
    /// Includes packages whose versions were all unpublished: their names stay private, and an older state of them must
    /// not return.
    pub(super) packages: BTreeMap<PackageName, Arc<Indexed>>,
}

#[derive(Serialize, Deserialize)]
struct Document<Entry> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rebuilt: Option<DateTime<Utc>>,
    packages: BTreeMap<PackageName, Stored<Entry>>,
}

#[derive(Serialize, Deserialize)]
struct Stored<Entry> {
    revision: Revision,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    latest: Option<Entry>,
}

impl Contents {
    /// Parses a stored shard; empty if it cannot be parsed, so that it is rebuilt.
    pub(super) fn read(json: &[u8]) -> Self {
        let Ok(document) = serde_json::from_slice::<Document<SearchEntry>>(json) else {
            return Self::default();
        };
        let packages = document.packages.into_iter().map(|(name, stored)| {
            (name.clone(), Arc::new(Indexed::new(name, stored.revision, stored.latest)))
        });
        Self { rebuilt: document.rebuilt, packages: packages.collect() }
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let packages = self.packages.iter().map(|(name, indexed)| {
            let latest = indexed.package.entry.as_ref();
            (name.clone(), Stored { revision: indexed.revision.clone(), latest })
        });
        serde_json::to_vec(&Document { rebuilt: self.rebuilt, packages: packages.collect() })
    }

    /// Returns the contents with these packages, where they are newer; `None` if none is.
    pub(super) fn with<'a>(&self, updates: impl IntoIterator<Item = &'a Arc<Indexed>>) -> Option<Self> {
        let mut changed = None;
        for update in updates {
            let name = &update.package.name;
            let known = self.packages.get(name);
            if known.is_none_or(|known| is_newer(&update.revision, &known.revision)) {
                let contents = changed.get_or_insert_with(|| self.clone());
                contents.packages.insert(name.clone(), Arc::clone(update));
            }
        }
        changed
    }
}

/// Of two states with the same number, which a restored backup may have, the later one counts.
pub(super) fn is_newer(revision: &Revision, known: &Revision) -> bool {
    revision.number() > known.number() || (revision.number() == known.number() && revision != known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed(number: u64, version: &str) -> Arc<Indexed> {
        let revision = format!("{number}-07070707070707070707070707070707").parse().unwrap();
        let entry = SearchEntry { version: version.to_owned(), ..SearchEntry::default() };
        Arc::new(Indexed::new("pear".parse().unwrap(), revision, Some(entry)))
    }

    #[test]
    fn an_older_state_changes_nothing() {
        let contents = Contents::default().with([&indexed(2, "2.0.0")]).unwrap();
        for older in [indexed(1, "1.0.0"), indexed(2, "2.0.0")] {
            assert!(contents.with([&older]).is_none());
        }
        let newer = contents.with([&indexed(3, "3.0.0"), &indexed(1, "1.0.0")]).unwrap();
        let read = Contents::read(&newer.write().unwrap());
        let (_, pear) = read.packages.first_key_value().unwrap();
        assert_eq!(pear.package.entry.as_ref().unwrap().version, "3.0.0");
        assert_eq!(pear.revision.number(), 3);
    }

    #[test]
    fn an_unreadable_shard_counts_as_missing() {
        for json in ["", "[]", r#"{"packages":{"a b":{}}}"#] {
            assert!(Contents::read(json.as_bytes()).rebuilt.is_none(), "{json}");
        }
    }
}
