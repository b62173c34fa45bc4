use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::advisories::KnownAdvisories;
use crate::domain::packument::ManifestFacts;
use crate::domain::{PackageName, Version, VersionTrust};

/// Where a version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionOrigin<'a> {
    /// It is hosted in this registry.
    Hosted,
    /// It comes from the upstream of this name.
    Upstream(&'a str),
    /// It comes from no registry, such as from a forge, and nothing is known of it but its name and number. A table of the
    /// settings matches it whatever its `origin`.
    Elsewhere,
}

impl VersionOrigin<'_> {
    /// Returns the origin as access rules and policies spell it: `hosted`, or the name of an upstream; `elsewhere` for neither.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hosted => "hosted",
            Self::Upstream(name) => name,
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl fmt::Display for VersionOrigin<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is known of a version. Later releases may add facts.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct VersionFacts<'a> {
    /// The package.
    pub package: &'a PackageName,
    /// The version as its packument spells it.
    pub version: &'a str,
    /// The version; `None` if it is not one by npm's rules.
    pub number: Option<Version>,
    /// Where it comes from.
    pub origin: VersionOrigin<'a>,
    /// When it was published, by the account of the registry that it was published to; `None` if that is not known.
    pub published: Option<DateTime<Utc>>,
    /// Whether an install runs a script of it.
    pub install_scripts: bool,
    /// Its license, as an SPDX expression if the publisher wrote one; `None` if that is not known.
    pub license: Option<String>,
    /// Its deprecation.
    pub deprecated: Option<String>,
    /// Whether it has signatures of its registry.
    pub has_signatures: bool,
    /// Whether it has attestations, such as of its provenance.
    pub has_attestations: bool,
    /// Whether it has attestations of its provenance.
    pub has_provenance: bool,
    /// How it proves where it comes from.
    pub trust: VersionTrust,
    /// What versions before it proved.
    pub earlier: EarlierTrust<'a>,
    /// The advisories for it, if a policy [reads](super::PolicyConcern::with_advisories) them.
    pub advisories: KnownAdvisories,
}

/// What the versions of a package proved that were published before a version. Those of which it is not known when they were
/// published count as earlier. A release is compared with releases, and a prerelease with all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlierTrust<'a> {
    /// It is not known when the version was published.
    #[default]
    Unknown,
    /// There is no earlier version.
    NoVersion,
    /// The strongest proof of an earlier version.
    Strongest {
        /// The proof.
        trust: VersionTrust,
        /// The version.
        version: &'a str,
    },
}

impl<'a> VersionFacts<'a> {
    /// A version of which nothing more is known.
    pub fn new(package: &'a PackageName, version: &'a str, origin: VersionOrigin<'a>) -> Self {
        Self {
            package,
            version,
            number: Version::parse(version).ok(),
            origin,
            published: None,
            install_scripts: false,
            license: None,
            deprecated: None,
            has_signatures: false,
            has_attestations: false,
            has_provenance: false,
            trust: VersionTrust::None,
            earlier: EarlierTrust::Unknown,
            advisories: KnownAdvisories::NotRead,
        }
    }

    /// Adds what its manifest says.
    #[must_use]
    pub(super) fn with_manifest(self, manifest: &RawValue) -> Self {
        let facts = ManifestFacts::of(manifest);
        let ManifestFacts { install_scripts, has_signatures, has_attestations, has_provenance, .. } = facts;
        // This registry knows itself which builds it trusts. Of another one, the attestations have to say it too.
        let is_proven = has_provenance || self.origin == VersionOrigin::Hosted;
        let trust = match facts {
            ManifestFacts { is_approved: true, .. } => VersionTrust::Approved,
            ManifestFacts { by_trusted_publisher: true, .. } if is_proven => VersionTrust::TrustedPublisher,
            _ if has_provenance => VersionTrust::Provenance,
            _ => VersionTrust::None,
        };
        let ManifestFacts { license, deprecated, .. } = facts;
        Self {
            install_scripts,
            license,
            deprecated,
            has_signatures,
            has_attestations,
            has_provenance,
            trust,
            ..self
        }
    }

    /// Adds when it was published (RFC 3339). Another text says nothing.
    #[must_use]
    pub(super) fn published_at(self, published: Option<&str>) -> Self {
        Self { published: published.and_then(|time| time.parse().ok()), ..self }
    }
}

/// Tells each version what the versions before it proved: one pass in the order of publishing.
pub(super) fn add_earlier_trust(all: &mut [VersionFacts<'_>]) {
    let mut order: Vec<(Option<DateTime<Utc>>, usize)> =
        all.iter().enumerate().map(|(at, facts)| (facts.published, at)).collect();
    // Versions without a time come first.
    order.sort_unstable();
    let (mut of_releases, mut of_all) = (EarlierTrust::NoVersion, EarlierTrust::NoVersion);
    for same_time in order.chunk_by(|(one, _), (other, _)| one == other) {
        for (_, at) in same_time {
            let facts = &mut all[*at];
            let is_release = facts.number.as_ref().is_some_and(|number| !number.is_prerelease());
            facts.earlier = match facts.published {
                None => EarlierTrust::Unknown,
                Some(_) if is_release => of_releases,
                Some(_) => of_all,
            };
        }
        for (_, at) in same_time {
            let facts = &all[*at];
            let (trust, version) = (facts.trust, facts.version);
            if facts.number.as_ref().is_none_or(|number| !number.is_prerelease()) {
                of_releases = of_releases.or_stronger(trust, version);
            }
            of_all = of_all.or_stronger(trust, version);
        }
    }
}

impl<'a> EarlierTrust<'a> {
    fn or_stronger(self, trust: VersionTrust, version: &'a str) -> Self {
        match self {
            Self::Strongest { trust: known, .. } if known >= trust => self,
            _ => Self::Strongest { trust, version },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_with_those_that_were_published_before_it() {
        let pear = PackageName::parse("pear").unwrap();
        let proven = |version, published, trust| {
            let facts = VersionFacts::new(&pear, version, VersionOrigin::Upstream("npm"));
            VersionFacts { trust, ..facts.published_at(published) }
        };
        let mut all = [
            proven("3.0.0", Some("2026-01-03T00:00:00Z"), VersionTrust::None),
            proven("1.0.0", Some("2026-01-01T00:00:00Z"), VersionTrust::Provenance),
            proven("2.0.0-rc.1", Some("2026-01-02T00:00:00Z"), VersionTrust::TrustedPublisher),
            proven("1.0.1", Some("2026-01-01T00:00:00Z"), VersionTrust::None),
            proven("4.0.0-rc.1", Some("2026-01-04T00:00:00Z"), VersionTrust::None),
            proven("5.0.0", None, VersionTrust::None),
        ];
        add_earlier_trust(&mut all);
        let strongest = |trust, version| EarlierTrust::Strongest { trust, version };
        assert_eq!(
            all.map(|facts| facts.earlier),
            [
                strongest(VersionTrust::Provenance, "1.0.0"),
                strongest(VersionTrust::None, "5.0.0"),
                strongest(VersionTrust::Provenance, "1.0.0"),
                strongest(VersionTrust::None, "5.0.0"),
                strongest(VersionTrust::TrustedPublisher, "2.0.0-rc.1"),
                EarlierTrust::Unknown,
            ]
        );
    }
}
