use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::Version;

use super::advisory::{Advisory, PackageAdvisories};
use super::severity::AdvisorySeverity;

/// What is known of the advisories for a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownAdvisories {
    /// They were not looked up, since no rule asks for them.
    #[default]
    NotRead,
    /// They cannot be read, and the settings let versions pass without them.
    Unavailable,
    /// These.
    Known(VersionAdvisories),
}

/// The advisories for a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionAdvisories {
    /// Those that affect it, the most severe first.
    pub affecting: Vec<AffectingAdvisory>,
    /// The ids of those that it is the first version to fix, where the version before it is affected.
    pub fixes: Vec<String>,
    /// When advisories for the package changed last.
    pub(crate) changed: Option<DateTime<Utc>>,
}

/// An advisory that affects a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AffectingAdvisory {
    /// Its id, such as `GHSA-…` or `MAL-…`.
    pub id: String,
    /// Its severity.
    pub severity: AdvisorySeverity,
    /// Whether the version is malware.
    pub malware: bool,
    /// What it is about, in one line.
    pub title: String,
    /// The page about it.
    pub url: String,
    /// The first fixed version above, if one is known.
    pub fixed: Option<String>,
}

impl VersionAdvisories {
    /// Returns the most severe advisory that affects the version.
    pub fn worst(&self) -> Option<&AffectingAdvisory> {
        self.affecting.first()
    }

    /// Judges a version. `before` is the highest version of the package below it.
    pub(super) fn of(
        known: &[Arc<PackageAdvisories>],
        ignored: &[String],
        (version, number): (&str, Option<&Version>),
        before: Option<&Version>,
    ) -> Self {
        let is_ignored = |advisory: &Advisory| ignored.iter().any(|id| advisory.is_named(id));
        let all =
            || known.iter().flat_map(|package| &package.advisories).filter(|advisory| !is_ignored(advisory));
        let mut affecting: Vec<AffectingAdvisory> = all()
            .filter(|advisory| advisory.affects(version, number))
            .map(|advisory| AffectingAdvisory {
                id: advisory.id.clone(),
                severity: advisory.severity,
                malware: advisory.malware,
                title: advisory.title.clone(),
                url: advisory.page(),
                fixed: advisory.fixed_above(number),
            })
            .collect();
        affecting.sort_by(|one, other| {
            let rank = |advisory: &AffectingAdvisory| (advisory.malware, advisory.severity);
            rank(other).cmp(&rank(one)).then_with(|| one.id.cmp(&other.id))
        });
        let is_fix = |advisory: &&Advisory| {
            number.zip(before).is_some_and(|(number, before)| {
                advisory.is_fixed_by(number) && advisory.affects(before.as_str(), Some(before))
            })
        };
        let fixes = all().filter(is_fix).map(|advisory| advisory.id.clone()).collect();
        let changed = known.iter().filter_map(|package| package.changed).max();
        Self { affecting, fixes, changed }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(version: &str, before: Option<&str>) -> VersionAdvisories {
        let advisories = json!([
            { "i": "GHSA-1", "t": "old", "s": "low", "r": ["<1.2.0", ">=2.0.0 <2.1.0"] },
            { "i": "GHSA-2", "l": ["CVE-2"], "t": "ignored", "s": "high", "r": ["*"] },
            { "i": "MAL-1", "t": "worm", "s": "critical", "m": true, "v": ["1.3.0"] },
            { "i": "GHSA-3", "t": "worse", "s": "critical", "r": ["<=1.3.0"] },
        ]);
        let advisories = serde_json::from_value(advisories).unwrap();
        let known = [Arc::new(PackageAdvisories { changed: None, advisories })];
        let parse = |version: &str| Version::parse(version).ok();
        let number = parse(version);
        VersionAdvisories::of(
            &known,
            &["CVE-2".to_owned()],
            (version, number.as_ref()),
            before.and_then(parse).as_ref(),
        )
    }

    fn ids(judged: &VersionAdvisories) -> Vec<&str> {
        judged.affecting.iter().map(|advisory| advisory.id.as_str()).collect()
    }

    #[test]
    fn a_version_has_what_affects_it_and_what_it_fixes() {
        let old = judged("1.0.0", None);
        assert_eq!(ids(&old), ["GHSA-3", "GHSA-1"], "the most severe first, without what is ignored");
        assert_eq!(old.affecting[1].fixed.as_deref(), Some("1.2.0"));
        assert_eq!(old.affecting[0].fixed, None, "the last affected version says nothing about a fix");
        assert_eq!(ids(&judged("1.3.0", None)), ["MAL-1", "GHSA-3"]);
        assert_eq!(ids(&judged("1.3.0+build.7", None)), ["MAL-1", "GHSA-3"]);
        assert_eq!(ids(&judged("strange", None)), ["GHSA-3", "GHSA-1"], "what cannot be compared");
        assert!(judged("3.0.0", None).affecting.is_empty());
    }

    #[test]
    fn a_fix_is_the_first_fixed_version_after_an_affected_one() {
        for (version, before, fixes) in [
            ("1.2.0", Some("1.1.0"), &["GHSA-1"][..]),
            ("1.2.0", Some("1.2.0-rc.1"), &["GHSA-1"]),
            ("1.2.1", Some("1.1.0"), &[]),
            ("1.2.0", None, &[]),
            ("2.1.0", Some("2.0.0"), &["GHSA-1"]),
            ("2.1.0", Some("1.2.0"), &[]),
            ("1.4.0", Some("1.3.0"), &[]),
        ] {
            assert_eq!(judged(version, before).fixes, fixes, "{version} after {before:?}");
        }
    }
}
