//! The packument: all that a registry stores about a package, as one JSON document.
//!
//! A stored packument contains no host: each `dist.tarball` is the path `{name}/-/{base}-{version}.tgz`, completed when
//! the document is rendered. Manifests stay raw JSON slices, so a package of thousands of versions is read, changed and
//! rendered without a tree in memory.
//!
//! ```
//! use registry_core::domain::{PackageName, packument::Packument};
//! let json = br#"{"name":"pear","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"pear"}}}"#;
//! let packument = Packument::parse(&PackageName::parse("pear").unwrap(), json).unwrap();
//! assert_eq!(packument.latest(), Some("1.0.0"));
//! assert!(packument.versions.contains_key("1.0.0"));
//! ```

mod abbreviated;
#[cfg(feature = "signing")]
mod cut;
mod decisions;
mod edit;
mod foreign;
mod foreign_abbreviated;
mod foreign_document;
mod form;
mod full;
mod hide;
mod history;
mod import_record;
mod in_range;
mod manifest;
mod manifest_change;
mod manifest_facts;
mod named_tarballs;
mod nesting;
mod protection;
mod raw;
mod read;
mod revision;
mod scan;
mod source_owners;
mod source_package;
mod staged;
mod tarball_base;
mod tarball_index;
mod write;

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use abbreviated::INSTALL_SCRIPTS;
pub use abbreviated::render_abbreviated;
#[cfg(feature = "signing")]
pub(crate) use cut::cut_packument;
pub(crate) use decisions::VersionDecisions;
pub use edit::ImportNote;
pub(crate) use edit::{EditError, ImportEffect, deprecation, deprecation_text};
pub use foreign::{ForeignTarball, ForeignTarballs, render_foreign, version_names};
pub use foreign_abbreviated::render_foreign_abbreviated;
pub use foreign_document::ForeignDocument;
pub use form::PackumentForm;
pub use full::render_full;
pub use history::History;
pub use import_record::ImportRecord;
pub use manifest::{render_manifest, tarball_path};
pub use manifest_change::ManifestChange;
pub(crate) use manifest_facts::ManifestFacts;
pub(crate) use named_tarballs::NamedTarball;
pub use protection::{Audience, MfaPolicy, Protection};
pub use raw::JsonKey;
pub use revision::Revision;
pub(crate) use source_package::{SourceError, SourcePackage, SourceVersion};
pub use staged::StagedVersion;
pub use tarball_base::TarballBases;
pub use tarball_index::{TarballIndex, TarballLocation};

use super::{OutboxEntry, PackageName, StageId, Version};

/// A packument as stored. Fields that the registry does not interpret are preserved.
#[derive(Debug, Clone)]
pub struct Packument<'json> {
    /// The package.
    pub name: PackageName,
    /// The revision, which counts the changes.
    pub revision: Revision,
    /// Tag → version. Plain texts, since a bucket written by codebox-npm may hold any.
    pub dist_tags: IndexMap<String, String>,
    /// Version → manifest, in the order of publishing.
    pub versions: IndexMap<JsonKey<'json>, Cow<'json, RawValue>>,
    /// `created`, `modified` and version → time of publishing (RFC 3339).
    pub time: IndexMap<String, String>,
    /// The owners.
    pub maintainers: Vec<Person>,
    /// The accounts that starred the package.
    pub users: IndexMap<String, bool>,
    /// Unpublished versions, and when. Their numbers are never free again.
    pub tombstones: IndexMap<String, String>,
    /// Staged versions: their numbers are reserved, and no reader sees them.
    pub staged: IndexMap<String, StagedVersion>,
    /// Versions that were staged before they were published, and their ids.
    pub approved: IndexMap<String, StageId>,
    /// The latest commits, by which a writer recognizes its own after a lost answer.
    pub history: History,
    /// Events of the latest commits, until the change feed has them.
    pub outbox: Vec<OutboxEntry>,
    /// What its owners decided about access, in addition to the access rules.
    pub protection: Protection,
    /// What imports wrote of what can be changed here, too.
    pub imported: ImportRecord,
    /// `description`, `readme` and all other top-level fields.
    pub other: IndexMap<JsonKey<'json>, Cow<'json, RawValue>>,
}

/// An owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name of the principal.
    #[serde(default)]
    pub name: String,
    /// The email address, which npm requires even if it is empty.
    #[serde(default)]
    pub email: String,
}

/// Why a packument cannot be parsed or serialized.
#[derive(Debug, thiserror::Error)]
#[error("the packument of {name} cannot be read or written")]
pub struct PackumentError {
    name: PackageName,
    #[source]
    source: serde_json::Error,
}

impl PackumentError {
    /// The package's name.
    pub(crate) fn name(&self) -> &PackageName {
        &self.name
    }

    /// Whether the text ends too early, like an empty file.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.source.is_eof()
    }
}

impl Packument<'_> {
    /// Creates the packument of a package that was never published.
    pub fn new(name: PackageName) -> Self {
        Self {
            name,
            revision: Revision::default(),
            dist_tags: IndexMap::new(),
            versions: IndexMap::new(),
            time: IndexMap::new(),
            maintainers: Vec::new(),
            users: IndexMap::new(),
            tombstones: IndexMap::new(),
            staged: IndexMap::new(),
            approved: IndexMap::new(),
            history: History::default(),
            outbox: Vec::new(),
            protection: Protection::default(),
            imported: ImportRecord::default(),
            other: IndexMap::new(),
        }
    }

    /// Returns the version that `latest` names.
    pub fn latest(&self) -> Option<&str> {
        self.dist_tags.get("latest").map(String::as_str)
    }

    /// Whether the package had versions and has none left.
    pub fn is_unpublished(&self) -> bool {
        self.versions.is_empty()
    }

    /// Whether it was never more than staged, so that no reader knows of it.
    pub(crate) fn has_only_staged(&self) -> bool {
        self.versions.is_empty() && self.tombstones.is_empty() && !self.staged.is_empty()
    }

    /// Whether `principal` owns the package. A package without owners, as codebox-npm wrote them, belongs to every
    /// principal.
    pub fn is_owned_by(&self, principal: &str) -> bool {
        self.maintainers.is_empty() || self.maintainers.iter().any(|person| person.name == principal)
    }

    /// Returns the version that a version or a tag names.
    pub fn resolve<'a>(&'a self, version_or_tag: &'a str) -> Option<&'a str> {
        if self.versions.contains_key(version_or_tag) {
            return Some(version_or_tag);
        }
        let version = self.dist_tags.get(version_or_tag)?;
        self.versions.contains_key(version.as_str()).then_some(version)
    }

    /// Whether the number of `version` is used, or reserved by a staged version.
    pub fn is_taken(&self, version: &Version) -> bool {
        self.is_version_reserved(version) || self.staged_as(version).is_some()
    }

    /// Returns the staged version with the number of `version`.
    pub fn staged_as(&self, version: &Version) -> Option<&StagedVersion> {
        self.staged.iter().find(|(staged, _)| is_same_number(version, staged)).map(|(_, staged)| staged)
    }

    /// Whether the number of `version` is never free again: published now, unpublished once, or different from such a
    /// version in build metadata only.
    pub fn is_version_reserved(&self, version: &Version) -> bool {
        let mut used =
            self.versions.keys().map(JsonKey::as_str).chain(self.tombstones.keys().map(String::as_str));
        self.versions.contains_key(version.as_str()) || used.any(|used| is_same_number(version, used))
    }

    /// Whether no version of the package was ever published. It may have staged ones.
    pub fn is_new(&self) -> bool {
        self.versions.is_empty() && self.tombstones.is_empty() && self.time.is_empty()
    }
}

fn is_same_number(version: &Version, other: &str) -> bool {
    let may_differ_in_build = || version.as_str().contains('+') || other.contains('+');
    version.as_str() == other
        || (may_differ_in_build() && Version::parse(other).is_ok_and(|other| other.is_same_release(version)))
}
