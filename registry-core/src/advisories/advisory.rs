use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::Version;

use super::interval::Interval;
use super::severity::{AdvisorySeverity, score};

/// What one advisory says about one package. The names of the fields are short, since there are hundreds of thousands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Advisory {
    #[serde(rename = "i")]
    pub(crate) id: String,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<String>,
    #[serde(rename = "t")]
    pub(crate) title: String,
    #[serde(rename = "s")]
    pub(crate) severity: AdvisorySeverity,
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    pub(crate) malware: bool,
    /// `None` where it follows from the id.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) weaknesses: Vec<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) vector: Option<String>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ranges: Vec<Interval>,
    /// Sorted.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) versions: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The advisories for one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PackageAdvisories {
    /// When they changed last.
    pub(crate) changed: Option<DateTime<Utc>>,
    pub(crate) advisories: Vec<Advisory>,
}

impl Advisory {
    /// Stands for stored advisories that cannot be read: every version may be affected.
    pub(super) fn unreadable() -> Self {
        Self {
            id: "unreadable".to_owned(),
            aliases: Vec::new(),
            title: "The stored advisories for this package cannot be read".to_owned(),
            severity: AdvisorySeverity::Critical,
            malware: true,
            url: None,
            weaknesses: Vec::new(),
            vector: None,
            ranges: vec![Interval::ALL],
            versions: Vec::new(),
        }
    }

    /// Whether a version is affected. One that cannot be compared is, if any range is.
    pub(crate) fn affects(&self, version: &str, number: Option<&Version>) -> bool {
        let is_listed =
            |version: &str| self.versions.binary_search_by(|known| known.as_str().cmp(version)).is_ok();
        let Some(number) = number else { return is_listed(version) || !self.ranges.is_empty() };
        is_listed(version)
            || is_listed(number.without_build().as_str())
            || self.ranges.iter().any(|range| range.contains(number.parsed()))
    }

    /// Returns the lowest version above this one that is known to be fixed.
    pub(crate) fn fixed_above(&self, number: Option<&Version>) -> Option<String> {
        let fixed = self.ranges.iter().filter_map(Interval::fixed);
        let above = fixed.filter(|fixed| number.is_none_or(|number| *fixed > number.parsed()));
        above.min().map(ToString::to_string)
    }

    /// Whether this version is the first one in which something is fixed.
    pub(crate) fn is_fixed_by(&self, number: &Version) -> bool {
        let mut fixed = self.ranges.iter().filter_map(Interval::fixed);
        fixed.any(|fixed| fixed.cmp_precedence(number.parsed()).is_eq())
            && !self.affects(number.as_str(), Some(number))
    }

    /// Whether it has this id, or another database knows it by this id.
    pub(crate) fn is_named(&self, id: &str) -> bool {
        self.id == id || self.aliases.iter().any(|alias| alias == id)
    }

    /// Whether both are about the same, as far as their ids say.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_named(&other.id) || other.aliases.iter().any(|alias| self.is_named(alias))
    }

    /// Returns the affected versions, as npm's audits spell a range.
    pub(crate) fn vulnerable_versions(&self) -> String {
        let ranges = self.ranges.iter().map(ToString::to_string);
        let listed = self.versions.iter().map(|version| format!("={version}"));
        ranges.chain(listed).collect::<Vec<_>>().join(" || ")
    }

    /// Returns the page about it.
    pub(crate) fn page(&self) -> String {
        match (ghsa(&self.id, &self.aliases), &self.url) {
            (Some(id), _) => format!("https://github.com/advisories/{id}"),
            (None, Some(url)) => url.clone(),
            (None, None) => format!("https://osv.dev/vulnerability/{}", self.id),
        }
    }

    /// Returns its number for clients, which want one. The same advisory has the same number in every answer.
    pub(crate) fn number(&self) -> u64 {
        let digest = Sha256::digest(ghsa(&self.id, &self.aliases).unwrap_or(&self.id).as_bytes());
        // JavaScript has 53 bits.
        digest[..6].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// Returns its CVSS score; 0 where it has none.
    pub(crate) fn score(&self) -> f64 {
        self.vector.as_deref().map_or(0.0, score)
    }
}

/// Returns the id in the database that npm's audits name, if it has one there.
pub(super) fn ghsa<'a>(id: &'a str, aliases: &'a [String]) -> Option<&'a str> {
    std::iter::once(id).chain(aliases.iter().map(String::as_str)).find(|id| id.starts_with("GHSA-"))
}
