use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use registry_core::domain::packument::Revision;
use serde_json::Value;

/// What came of an operation, as the one who asked for it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A change is acknowledged, with the revision where the operation tells it.
    Changed(Option<Revision>),
    /// A reader saw this.
    Saw(Seen),
    /// Refused, for a reason that leaves nothing behind.
    Refused { is_taken: bool, reason: String },
    /// It may have happened, or may happen yet.
    Unknown(String),
    /// What no client may ever see, whatever the store does.
    Broken(String),
}

/// What a reader saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A packument. `None` is a package that is not there.
    Package(Option<PackageState>),
    /// One version: `None` is one that is not there. By tag where it was asked for by a tag.
    Version { version: Option<String>, state: Option<VersionState> },
    /// The integrity of the bytes of a tarball, and whether it is one of the tarballs that were made of this version.
    Tarball(Option<String>),
}

/// What a packument says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageState {
    /// Not in the abbreviated form.
    pub(super) revision: Option<Revision>,
    pub(super) versions: BTreeMap<String, VersionState>,
    pub(super) tags: BTreeMap<String, String>,
    /// Not in the abbreviated form.
    pub(super) owners: Option<BTreeSet<String>>,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionState {
    pub(super) integrity: String,
    pub(super) deprecated: Option<String>,
}

impl PackageState {
    pub(super) fn of(packument: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let owners = packument["maintainers"].as_array();
        Self {
            revision: packument["_rev"].as_str().and_then(|revision| revision.parse().ok()),
            versions: fields(&packument["versions"])
                .iter()
                .map(|(version, manifest)| (version.clone(), VersionState::of(manifest)))
                .collect(),
            tags: fields(&packument["dist-tags"])
                .iter()
                .filter_map(|(tag, version)| Some((tag.clone(), text(version)?)))
                .collect(),
            owners: owners.map(|owners| owners.iter().filter_map(|owner| text(&owner["name"])).collect()),
        }
    }
}

impl VersionState {
    pub(super) fn of(manifest: &Value) -> Self {
        Self {
            integrity: manifest["dist"]["integrity"].as_str().unwrap_or_default().to_owned(),
            deprecated: manifest["deprecated"].as_str().map(str::to_owned),
        }
    }
}

/// The beginning of an integrity, which is enough to tell two apart.
pub(super) fn short(integrity: &str) -> &str {
    integrity.get(..15).unwrap_or(integrity)
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(None) => formatter.write_str("done"),
            Self::Changed(Some(revision)) => write!(formatter, "done, revision {revision}"),
            Self::Saw(seen) => write!(formatter, "saw {seen}"),
            Self::Refused { reason, .. } => write!(formatter, "refused: {reason}"),
            Self::Unknown(reason) => write!(formatter, "unknown: {reason}"),
            Self::Broken(reason) => write!(formatter, "broken: {reason}"),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(Some(state)) => state.fmt(formatter),
            Self::Version { version: Some(version), state: Some(state) } => {
                write!(formatter, "{version}: {state}")
            }
            Self::Tarball(Some(integrity)) => write!(formatter, "bytes {}", short(integrity)),
            Self::Package(None) | Self::Version { .. } | Self::Tarball(None) => {
                formatter.write_str("nothing")
            }
        }
    }
}

impl fmt::Display for PackageState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(revision) = &self.revision {
            write!(formatter, "{revision} ")?;
        }
        let versions: Vec<_> =
            self.versions.iter().map(|(version, state)| format!("{version}: {state}")).collect();
        write!(formatter, "[{}] {:?}", versions.join(", "), self.tags)?;
        match &self.owners {
            Some(owners) => write!(formatter, " of {owners:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(short(&self.integrity))?;
        match &self.deprecated {
            Some(message) => write!(formatter, " deprecated {message:?}"),
            None => Ok(()),
        }
    }
}
