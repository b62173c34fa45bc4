use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::Version;
use crate::domain::range::Range;

use super::{PackagePattern, PatternError};

/// Versions of packages: a pattern of names, and behind an `@` a range of versions, such as `@acme/*`, `pear@1.2.x` or
/// `@acme/pear@>=1.0.0 <1.2.0`. Without a range, it selects every version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionSelector {
    pattern: PackagePattern,
    range: Option<(Box<str>, Range)>,
}

/// Why a text does not select versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionSelectorError {
    /// The part before the range is not a pattern.
    #[error("`{text}` does not select versions: its name {problem}")]
    Pattern {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// The part behind the `@` is not a range.
    #[error(
        "`{text}` does not select versions: `{range}` is not a range; write one such as 1.2.x or >=1.0.0 <1.2.0"
    )]
    Range {
        /// The text.
        text: String,
        /// The part.
        range: String,
    },
}

impl VersionSelector {
    /// Parses a selector.
    pub fn parse(text: &str) -> Result<Self, VersionSelectorError> {
        let (name, range) = split(text);
        let pattern = PackagePattern::parse(name)
            .map_err(|problem| VersionSelectorError::Pattern { text: text.to_owned(), problem })?;
        let range = range.map(|range| {
            let parsed = Some(range).filter(|range| !range.trim().is_empty()).and_then(Range::parse);
            let refused = || VersionSelectorError::Range { text: text.to_owned(), range: range.to_owned() };
            parsed.map(|parsed| (range.into(), parsed)).ok_or_else(refused)
        });
        Ok(Self { pattern, range: range.transpose()? })
    }

    /// Whether the selector is for a package of this name, perhaps for none of its versions.
    pub(crate) fn names(&self, package: &str) -> bool {
        self.pattern.matches(package)
    }

    /// Whether it selects a version, by npm's rules: a range selects a prerelease only if it names one of the same numbers.
    pub(crate) fn selects(&self, package: &str, version: Option<&Version>) -> bool {
        let fits = |range: &Range| version.is_some_and(|version| range.includes(version));
        self.names(package) && self.range.as_ref().is_none_or(|(_, range)| fits(range))
    }

    /// Whether a version is between its bounds: prereleases included, and a version that cannot be compared.
    pub(crate) fn spans(&self, package: &str, version: Option<&Version>) -> bool {
        let fits = |range: &Range| version.is_none_or(|version| range.spans(version));
        self.names(package) && self.range.as_ref().is_none_or(|(_, range)| fits(range))
    }
}

/// Splits `name@range` at the `@` that does not begin a scope.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    let name = text.strip_prefix('@').unwrap_or(text);
    match name.split_once('@') {
        None => (text, None),
        Some((_, range)) => (&text[..text.len() - range.len() - 1], Some(range)),
    }
}

impl FromStr for VersionSelector {
    type Err = VersionSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for VersionSelector {
    type Error = VersionSelectorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<VersionSelector> for String {
    fn from(selector: VersionSelector) -> Self {
        selector.to_string()
    }
}

impl fmt::Display for VersionSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.pattern.as_str())?;
        match &self.range {
            None => Ok(()),
            Some((range, _)) => write!(formatter, "@{range}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_pattern_and_a_range() {
        let selects = |selector: &str, package: &str, version: &str| {
            let (selector, version) =
                (VersionSelector::parse(selector).unwrap(), Version::parse(version).unwrap());
            (selector.selects(package, Some(&version)), selector.spans(package, Some(&version)))
        };
        for (selector, package, version, expected) in [
            ("@acme/*", "@acme/pear", "1.0.0-rc.1", (true, true)),
            ("fig", "fig", "1.0.0", (true, true)),
            ("fig", "figs", "1.0.0", (false, false)),
            ("pear@1.2.x", "pear", "1.2.7", (true, true)),
            ("pear@1.2.x", "pear", "1.2.7-rc.1", (false, true)),
            ("pear@1.2.x", "pear", "1.3.0", (false, false)),
            ("@acme/pear@>=1.0.0 <1.2.0", "@acme/pear", "1.1.0", (true, true)),
            ("@acme/pear@>=1.0.0 <1.2.0", "@acme/pear", "1.2.0", (false, false)),
            ("**@<1.0.0", "@acme/pear", "0.9.0", (true, true)),
        ] {
            assert_eq!(selects(selector, package, version), expected, "{selector} {package}@{version}");
        }
        let odd = VersionSelector::parse("pear@1.x").unwrap();
        assert!(!odd.selects("pear", None) && odd.spans("pear", None), "a version that cannot be compared");
        assert_eq!(odd.to_string(), "pear@1.x");
    }

    #[test]
    fn an_invalid_selector_tells_what_to_write() {
        for (text, said) in [
            ("", "is empty"),
            ("a b", "holds ' '"),
            ("@acme", "write `@acme/*`"),
            ("pear@", "`` is not a range"),
            ("pear@new", "`new` is not a range"),
        ] {
            let error = VersionSelector::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
