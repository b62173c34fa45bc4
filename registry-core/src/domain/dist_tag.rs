use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::package_name::is_url_friendly;
use super::version::{LARGEST_NUMBER, Version};

/// The longest tag in bytes.
const LONGEST: usize = 214;

/// A dist-tag: a name for one version, such as `latest`. Cheap to clone.
///
/// Contains URL-friendly characters only, and is not a text that npm would read as a version or a range of versions
/// (`1.x`, `v2`, `*`, `x`), since an install of it would never be looked up as a tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DistTag(Arc<str>);

/// Why a text is not a dist-tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistTagError {
    /// The text is empty.
    #[error("a dist-tag cannot be empty")]
    Empty,
    /// Longer than 214 bytes.
    #[error("a dist-tag cannot be longer than {LONGEST} characters")]
    TooLong,
    /// Contains a character that URLs must escape.
    #[error("a dist-tag can only contain URL-friendly characters")]
    Character,
    /// npm reads it as a version or a range.
    #[error("a dist-tag cannot be a valid SemVer range, such as `1.x` or `v2`")]
    Range,
}

impl DistTag {
    /// Validates a tag.
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

    /// Returns the tag that an install without a version asks for.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// Whether it is `latest`.
    pub fn is_latest(&self) -> bool {
        &*self.0 == "latest"
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of the numbers of a range: `1`, or `x` for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Any,
    Number(u64),
}

impl Part {
    pub(super) fn parse(part: &str) -> Option<Self> {
        match part {
            "x" | "X" | "*" => Some(Self::Any),
            _ => is_number(part).then(|| Self::Number(part.parse().unwrap_or(u64::MAX))),
        }
    }
}

/// Whether npm's `semver.validRange` reads a URL-friendly text as a range.
fn is_range(text: &str) -> bool {
    // If npm cannot read it as `1.x` or the like, it retries without the first star: `1*.2.3` is a version.
    is_simple_range(text)
        || text.split_once('*').is_some_and(|(before, after)| {
            let version = format!("{before}{after}");
            Version::parse(version.strip_prefix('v').unwrap_or(&version)).is_ok()
        })
}

fn is_simple_range(text: &str) -> bool {
    let (tilde, text) = text.strip_prefix('~').map_or((false, text), |text| (true, text));
    let version = text.trim_start_matches('v');
    let leading_vs = text.len() - version.len();
    let (numbers, prerelease) =
        version.split_once('-').map_or((version, None), |(numbers, prerelease)| (numbers, Some(prerelease)));
    let Some(parts) = numbers.split('.').map(Part::parse).collect::<Option<Vec<_>>>() else {
        return false;
    };
    if parts.len() > 3 || prerelease.is_some_and(|text| parts.len() < 3 || !is_prerelease(text)) {
        return false;
    }
    // npm expands a range to bounds (`1.2` to `>=1.2.0 <1.3.0-0`), and a bound above its largest number is an error.
    let fits = |number: &u64| *number <= LARGEST_NUMBER;
    let next_fits = |number: &u64| *number < LARGEST_NUMBER;
    match parts.as_slice() {
        [Part::Number(major), Part::Number(minor), Part::Number(patch)] if tilde => {
            fits(major) && next_fits(minor) && fits(patch)
        }
        [Part::Number(major), Part::Number(minor), Part::Number(patch)] => {
            leading_vs <= 1 && [major, minor, patch].into_iter().all(fits)
        }
        [Part::Number(major), Part::Number(minor), ..] => fits(major) && next_fits(minor),
        [Part::Any, Part::Number(_), ..] | [_, Part::Any, Part::Number(_)] if !tilde => false,
        [Part::Number(major), ..] => next_fits(major),
        _ => true,
    }
}

fn is_prerelease(text: &str) -> bool {
    text.split('.').all(|part| {
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && part.bytes().any(|byte| !byte.is_ascii_digit());
        is_word || is_number(part)
    })
}

fn is_number(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_digit())
        && (part == "0" || !part.starts_with('0'))
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
