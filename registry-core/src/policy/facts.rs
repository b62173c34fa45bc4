use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::advisories::KnownAdvisories;
use crate::domain::packument::ManifestFacts;
use crate::domain::{PackageName, Version};

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
    /// The advisories for it, if a policy [reads](super::PolicyConcern::with_advisories) them.
    pub advisories: KnownAdvisories,
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
            advisories: KnownAdvisories::NotRead,
        }
    }

    /// Adds what its manifest says.
    #[must_use]
    pub(super) fn with_manifest(self, manifest: &RawValue) -> Self {
        let ManifestFacts { install_scripts, license, deprecated, has_signatures, has_attestations } =
            ManifestFacts::of(manifest);
        Self { install_scripts, license, deprecated, has_signatures, has_attestations, ..self }
    }

    /// Adds when it was published (RFC 3339). Another text says nothing.
    #[must_use]
    pub(super) fn published_at(self, published: Option<&str>) -> Self {
        Self { published: published.and_then(|time| time.parse().ok()), ..self }
    }
}
