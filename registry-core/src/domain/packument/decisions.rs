use chrono::{DateTime, SecondsFormat, Utc};
use indexmap::IndexMap;

use crate::domain::range::Range;
use crate::domain::{Version, VersionRefusal};

/// What policies decided about the versions of a package at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VersionDecisions {
    /// The refused versions.
    refused: IndexMap<Box<str>, VersionRefusal>,
    /// The latest moment in the past at which a decision changed, where that is known.
    changed: Option<DateTime<Utc>>,
    /// From when on another decision may be made.
    valid_until: Option<DateTime<Utc>>,
}

impl VersionDecisions {
    /// Adds the decision on a version: why it is refused, if it is. `since` is when that began, `until` when it may end.
    pub(crate) fn add(
        &mut self,
        version: &str,
        refusal: Option<VersionRefusal>,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) {
        self.changed = self.changed.max(since);
        self.valid_until = match (self.valid_until, until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if let Some(refusal) = refusal {
            self.refused.insert(version.into(), refusal);
        }
    }

    /// Returns why a version is refused.
    pub(crate) fn refusal(&self, version: &str) -> Option<&VersionRefusal> {
        self.refused.get(version)
    }

    /// Returns the refused version that a version or a range selects; of a range the highest one.
    pub(crate) fn selected(&self, selector: &str) -> Option<(&str, &VersionRefusal)> {
        if let Some((version, refusal)) = self.refused.get_key_value(selector) {
            return Some((version, refusal));
        }
        let range = Range::parse(selector)?;
        let parsed = self.refused.keys().filter_map(|version| Version::parse(version).ok());
        let highest = parsed.filter(|version| range.includes(version)).max()?;
        self.refused.get_key_value(highest.as_str()).map(|(version, refusal)| (&**version, refusal))
    }

    /// Returns the highest refused version, and why.
    pub(crate) fn highest(&self) -> Option<(&str, &VersionRefusal)> {
        let highest = self.refused.keys().max_by_key(|version| Version::parse(version).ok())?;
        self.refused.get_key_value(highest).map(|(version, refusal)| (&**version, refusal))
    }

    /// The refused versions.
    pub(crate) fn refused(&self) -> impl ExactSizeIterator<Item = (&str, &VersionRefusal)> {
        self.refused.iter().map(|(version, refusal)| (&**version, refusal))
    }

    /// Whether no version is refused.
    pub(crate) fn allows_all(&self) -> bool {
        self.refused.is_empty()
    }

    /// From when on another decision may be made.
    pub(crate) fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    /// Returns the time of the package's last change for readers, if a decision changed after `modified`.
    pub(super) fn later_than(&self, modified: Option<&str>) -> Option<String> {
        let stored = modified.and_then(|modified| modified.parse::<DateTime<Utc>>().ok());
        let changed = self.changed.filter(|changed| Some(*changed) > stored)?;
        Some(changed.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// The approximate memory use in bytes.
    pub(crate) fn weight(&self) -> usize {
        let texts = self.refused.iter().map(|(version, refusal)| {
            version.len() + refusal.rule.len() + refusal.reason.len() + size_of::<VersionRefusal>() + 48
        });
        texts.sum()
    }
}

/// A version that readers see, to choose the target of a dist-tag.
pub(super) struct VisibleVersion<'a> {
    pub(super) text: &'a str,
    pub(super) number: Version,
    pub(super) is_deprecated: bool,
}

/// Returns the version that a tag of a refused version moves to: the newest one that is allowed below it, or else the newest
/// one above it. A tag of a release does not move to a prerelease, and deprecated versions come last.
pub(super) fn moved_tag<'a>(refused: &str, visible: &[VisibleVersion<'a>]) -> Option<&'a str> {
    let refused = Version::parse(refused).ok();
    let may_be_prerelease = refused.as_ref().is_some_and(Version::is_prerelease);
    let fitting = visible.iter().filter(|version| may_be_prerelease || !version.number.is_prerelease());
    let preference = |version: &&VisibleVersion<'a>| {
        let is_below = refused.as_ref().is_none_or(|refused| version.number < *refused);
        (is_below, !version.is_deprecated, version.number.clone())
    };
    fitting.max_by_key(preference).map(|version| version.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(refused: &str, visible: &[&'static str]) -> Option<&'static str> {
        let visible: Vec<_> = visible
            .iter()
            .map(|text| {
                let (text, is_deprecated) =
                    text.strip_suffix('!').map_or((*text, false), |text| (text, true));
                VisibleVersion { text, number: Version::parse(text).unwrap(), is_deprecated }
            })
            .collect();
        moved_tag(refused, &visible)
    }

    #[test]
    fn a_tag_moves_to_the_newest_version_allowed() {
        for (refused, visible, expected) in [
            ("2.0.0", &["1.0.0", "1.2.0", "1.1.0"][..], Some("1.2.0")),
            ("2.0.0", &["1.0.0", "2.0.0-rc.1", "3.0.0-rc.1"], Some("1.0.0")),
            ("2.0.0", &["2.0.0-rc.1"], None),
            ("2.0.0-rc.2", &["1.0.0", "2.0.0-rc.1"], Some("2.0.0-rc.1")),
            ("2.0.0", &["1.0.0", "1.9.0!"], Some("1.0.0")),
            ("2.0.0", &["1.9.0!", "3.0.0"], Some("1.9.0")),
            ("1.0.0", &["2.0.0", "3.0.0"], Some("3.0.0")),
            ("1.0.0", &[], None),
            ("strange", &["2.0.0", "3.0.0-rc.1"], Some("2.0.0")),
        ] {
            assert_eq!(moved(refused, visible), expected, "{refused} {visible:?}");
        }
    }

    #[test]
    fn a_selector_finds_the_refused_version() {
        let mut decisions = VersionDecisions::default();
        for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
            decisions.add(version, Some(VersionRefusal::new("block", "is bad")), None, None);
        }
        let selected = |selector| decisions.selected(selector).map(|(version, _)| version);
        assert_eq!(selected("1.0.0"), Some("1.0.0"));
        assert_eq!(selected("^1.0.0"), Some("1.1.0"));
        assert_eq!(selected("2.x"), None);
        assert_eq!(selected("latest"), None);
    }
}
