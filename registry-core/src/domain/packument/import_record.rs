use std::collections::{BTreeMap, BTreeSet};

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use super::Person;

/// What imports wrote of what can be changed here, too. The next import changes only what is still as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ImportRecord {
    /// Tag → version.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub dist_tags: IndexMap<String, String>,
    /// Version → message, for deprecated versions.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub deprecated: IndexMap<String, String>,
    /// Versions that the source had, with the tarballs that are here.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub versions: BTreeSet<String>,
    /// When versions came here (RFC 3339) → these versions. Their times in the packument are those of the source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub added: BTreeMap<String, BTreeSet<String>>,
    /// The owners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Person>,
    /// The accounts that starred the package.
    #[serde(skip_serializing_if = "IndexSet::is_empty")]
    pub stars: IndexSet<String>,
}

impl ImportRecord {
    /// Returns when a version came here (RFC 3339); `None` if no import added it.
    pub(crate) fn added_at(&self, version: &str) -> Option<&str> {
        self.added.iter().find(|(_, versions)| versions.contains(version)).map(|(time, _)| time.as_str())
    }
}
