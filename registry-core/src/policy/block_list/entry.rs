use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::range::Range;
use crate::domain::{PackageName, Version};
use crate::vocabulary::RecallCause;

/// The longest reason in bytes.
const LONGEST_REASON: usize = 500;

/// Versions that administrators blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockedVersions {
    /// The package.
    pub package: PackageName,
    /// The range of versions, such as `>=1.0.0 <1.2.0`; `*` is every version. Prereleases between its bounds are included.
    pub versions: String,
    /// Why, for callers who are refused the version.
    pub reason: String,
    /// When the block began.
    pub since: DateTime<Utc>,
    /// When it ends by itself; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The principal that blocked them; absent for an operator at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why the version was recalled; `None` for versions that are only blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<RecallCause>,
}

/// A version to recall.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecallRequest {
    /// The package.
    pub package: PackageName,
    /// The version.
    pub version: Version,
    /// Why, for callers who are refused the version: one line.
    pub reason: String,
}

impl RecallRequest {
    /// Recalls a version of a package.
    pub fn new(package: PackageName, version: Version, reason: impl Into<String>) -> Self {
        Self { package, version, reason: reason.into() }
    }

    /// Returns the entry of a request, checked.
    pub(crate) fn into_entry(
        self,
        cause: RecallCause,
        by: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<BlockedVersions, Error> {
        let Self { package, version, reason } = self;
        let request =
            BlockRequest { package, versions: Some(version.as_str().to_owned()), reason, until: None };
        let entry = request.into_entry(by, now)?;
        Ok(BlockedVersions { recalled: Some(cause), ..entry })
    }
}

/// Versions to block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BlockRequest {
    /// The package.
    pub package: PackageName,
    /// The range of versions; `None` for every version.
    #[serde(default)]
    pub versions: Option<String>,
    /// Why, for callers who are refused the version: one line.
    pub reason: String,
    /// When the block ends by itself; `None` if it does not.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

impl BlockRequest {
    /// Blocks every version of a package.
    pub fn new(package: PackageName, reason: impl Into<String>) -> Self {
        Self { package, versions: None, reason: reason.into(), until: None }
    }

    /// Returns the entry of a request, checked.
    pub(crate) fn into_entry(self, by: Option<String>, now: DateTime<Utc>) -> Result<BlockedVersions, Error> {
        let Self { package, versions, reason, until } = self;
        let versions = checked_range(versions.as_deref())?;
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.len() > LONGEST_REASON || reason.chars().any(is_unseen) {
            return Err(Error::request(format!(
                "a block or a recall needs a reason of one line and at most {LONGEST_REASON} bytes, which those read who are refused the \
                 version: say why"
            )));
        }
        if until.is_some_and(|until| until <= now) {
            return Err(Error::request("the block would end in the past: name a later time, or none"));
        }
        Ok(BlockedVersions { package, versions, reason, since: now, until, by, recalled: None })
    }
}

/// Whether a character is not seen, or turns the text around that callers read.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns a range as the list spells it.
pub(crate) fn checked_range(versions: Option<&str>) -> Result<String, Error> {
    let text = versions.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("*");
    // Lines read as one range would be all of them at once.
    if text.chars().any(char::is_control) || Range::parse(text).is_none() {
        return Err(Error::request(format!(
            "{:?} is not a range of versions: write one such as 1.2.3, 1.x or >=1.0.0 <1.2.0",
            crate::domain::shorten::shorten(text)
        )));
    }
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
