use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::package_name::is_url_friendly;

/// The longest tag in bytes.
const LONGEST: usize = 214;

/// A dist-tag: a name for one version, such as `latest`. Cheap to clone.
///
/// Holds URL-friendly characters only, and is not something that npm would read as a version or a range of
/// versions (`1.x`, `v2`, `*`, `x`), since an install of it would never be looked up as a tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DistTag(Arc<str>);

/// Why a text is not a dist-tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistTagError {
    /// Nothing at all.
    #[error("a dist-tag cannot be empty")]
    Empty,
    /// Longer than 214 bytes.
    #[error("a dist-tag cannot be longer than {LONGEST} characters")]
    TooLong,
    /// Holds something that URLs must escape.
    #[error("a dist-tag can only contain URL-friendly characters")]
    Character,
    /// Reads as a version or a range.
    #[error("a dist-tag cannot be a valid SemVer range, such as `1.x` or `v2`")]
    Range,
}

impl DistTag {
    /// Checks a tag.
    pub fn parse(tag: &str) -> Result<Self, DistTagError> {
        if tag.is_empty() {
            return Err(DistTagError::Empty);
        }
        if tag.len() > LONGEST {
            return Err(DistTagError::TooLong);
        }
        if !is_url_friendly(tag) {
            return Err(DistTagError::Character);
        }
        if is_range(tag) {
            return Err(DistTagError::Range);
        }
        Ok(Self(tag.into()))
    }

    /// The tag that an install without a version asks for.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// Whether it is `latest`.
    pub fn is_latest(&self) -> bool {
        &*self.0 == "latest"
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether npm's `semver.validRange` takes a URL-friendly text for a range.
fn is_range(text: &str) -> bool {
    let text = text.strip_prefix('~').unwrap_or(text);
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (numbers, prerelease) = match text.split_once('-') {
        None => (text, None),
        Some((numbers, prerelease)) => (numbers, Some(prerelease)),
    };
    let parts: Vec<&str> = numbers.split('.').collect();
    let numbers_fit = match parts.as_slice() {
        [""] => prerelease.is_none(),
        parts => parts.len() <= 3 && parts.iter().all(|part| is_number_or_wildcard(part)),
    };
    let prerelease_fits = match prerelease {
        None => true,
        Some(prerelease) => {
            parts.len() == 3
                && prerelease.split('.').all(|part| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                })
        }
    };
    numbers_fit && prerelease_fits
}

fn is_number_or_wildcard(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
        || (!part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0')))
}

impl FromStr for DistTag {
    type Err = DistTagError;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::parse(tag)
    }
}

impl TryFrom<String> for DistTag {
    type Error = DistTagError;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        Self::parse(&tag)
    }
}

impl From<DistTag> for String {
    fn from(tag: DistTag) -> Self {
        tag.0.as_ref().into()
    }
}

impl AsRef<str> for DistTag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DistTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DistTag({})", self.0)
    }
}
