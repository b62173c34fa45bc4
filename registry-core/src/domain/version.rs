use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest version in bytes: npm's limit.
const LONGEST: usize = 256;
/// The largest number in a version: the largest safe integer in JavaScript.
pub(super) const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// A version of a package: `1.2.3-rc.1`. Strict SemVer 2.0 with npm's limits. Cheap to clone.
///
/// Equality and hashing are those of the text. The order is npm's precedence, with build metadata last, so that it is
/// consistent with equality.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: Arc<str>,
    parsed: semver::Version,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// Longer than 256 bytes.
    #[error("a version cannot be longer than {LONGEST} characters")]
    TooLong,
    /// A number exceeds JavaScript's largest safe integer.
    #[error("a version cannot contain a number above {LARGEST_NUMBER}")]
    TooLarge,
    /// Not SemVer 2.0.
    #[error("a version must look like 1.2.3 or 1.2.3-beta.4 (SemVer 2.0, without a leading `v`)")]
    Malformed,
}

impl Version {
    /// Validates a version.
    pub fn parse(version: &str) -> Result<Self, VersionError> {
        if version.len() > LONGEST {
            return Err(VersionError::TooLong);
        }
        let parsed = semver::Version::parse(version).map_err(|_| VersionError::Malformed)?;
        if [parsed.major, parsed.minor, parsed.patch].into_iter().any(|number| number > LARGEST_NUMBER) {
            return Err(VersionError::TooLarge);
        }
        Ok(Self { text: version.into(), parsed })
    }

    /// Returns the version as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the version in its parts.
    pub(crate) fn parsed(&self) -> &semver::Version {
        &self.parsed
    }

    /// Whether it is a prerelease, such as `1.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.parsed.pre.is_empty()
    }

    /// Returns the version without build metadata, which npm removes on every publish and never looks up.
    #[must_use]
    pub(crate) fn without_build(&self) -> Self {
        match self.text.split_once('+') {
            None => self.clone(),
            Some((release, _)) => Self {
                text: release.into(),
                parsed: semver::Version { build: semver::BuildMetadata::EMPTY, ..self.parsed.clone() },
            },
        }
    }

    /// Whether npm treats both as the same version: they differ at most in build metadata.
    pub fn is_same_release(&self, other: &Self) -> bool {
        self.parsed.cmp_precedence(&other.parsed) == Ordering::Equal
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<State: Hasher>(&self, state: &mut State) {
        self.text.hash(state);
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(version: &str) -> Result<Self, Self::Err> {
        Self::parse(version)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(version: String) -> Result<Self, Self::Error> {
        Self::parse(&version)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text.as_ref().into()
    }
}

impl AsRef<str> for Version {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Version({})", self.text)
    }
}
