use chrono::DateTime;
use indexmap::{IndexMap, IndexSet};
use serde_json::value::RawValue;

use crate::domain::{DistTag, Integrity, PackageName, Version};

use super::foreign_document::{Entries, ForeignDocument, text};
use super::source_owners::owners;
use super::{NamedTarball, Person, deprecation};

/// The keys of `time` that are no versions.
const TIMES_OF_PACKAGE: [&str; 3] = ["created", "modified", "unpublished"];

/// What another registry says of a package, as far as an import takes it over.
#[derive(Debug, Clone)]
pub(crate) struct SourcePackage {
    pub(crate) versions: IndexMap<String, SourceVersion>,
    pub(crate) dist_tags: IndexMap<String, String>,
    pub(crate) maintainers: Vec<Person>,
    /// The accounts that starred it there; `None` where accounts here are other ones.
    pub(crate) stars: Option<IndexSet<String>>,
    /// Whether versions that it lacks may be at the source nevertheless.
    pub(crate) is_partial: bool,
    /// Versions that were published there once, and the time that is told of them.
    pub(crate) unpublished: IndexMap<String, String>,
    pub(crate) created: Option<String>,
    pub(crate) modified: Option<String>,
    /// When the whole package was unpublished.
    pub(crate) package_unpublished: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) readme_filename: Option<String>,
}

/// What another registry says of a version.
#[derive(Debug, Clone)]
pub(crate) struct SourceVersion {
    pub(crate) manifest: Box<RawValue>,
    /// The message, which is empty for a version that is not deprecated.
    pub(crate) deprecated: String,
    /// When it was published, as RFC 3339.
    pub(crate) time: Option<String>,
    /// The `dist.tarball`.
    pub(crate) url: Option<String>,
    /// The `dist.integrity`.
    pub(crate) integrity: Option<String>,
    /// The `dist.shasum`, in lowercase.
    pub(crate) shasum: Option<String>,
}

/// Why what another registry says of a package cannot be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("a document that is not a packument")]
    NoPackument,
    #[error("owners that cannot be read (maintainers), so that the package would belong to every account")]
    Owners,
}

impl SourcePackage {
    /// Reads the full document of another registry. A value of the wrong type counts as absent, except owners.
    pub(crate) fn parse(name: &PackageName, json: &[u8]) -> Result<Self, SourceError> {
        let document = ForeignDocument::parse(name, json).map_err(|_| SourceError::NoPackument)?;
        let field = |field: &str| document.fields.get(field).copied().flatten().and_then(text);
        let time: IndexMap<String, String> = document
            .entries("time")
            .0
            .iter()
            .filter_map(|(of, moment)| Some((of.as_str().to_owned(), text(moment)?)))
            .filter(|(_, moment)| DateTime::parse_from_rfc3339(moment).is_ok())
            .collect();
        let versions: IndexMap<_, _> = document
            .versions
            .0
            .iter()
            .map(|(version, manifest)| {
                let time = time.get(version.as_str()).cloned();
                (version.as_str().to_owned(), SourceVersion::read(manifest, time))
            })
            .collect();
        let tags = document.entries("dist-tags").0;
        let tags = tags.iter().filter_map(|(tag, version)| Some((tag.as_str().to_owned(), text(version)?)));
        let package_unpublished = document.unpublished();
        let unpublished = unpublished(&document, &time, package_unpublished.as_deref());
        Ok(Self {
            unpublished: unpublished.filter(|(version, _)| !versions.contains_key(version)).collect(),
            versions,
            dist_tags: tags.collect(),
            maintainers: owners(document.fields.get("maintainers").copied().flatten())?,
            stars: Some(stars(&document)),
            is_partial: false,
            created: time.get("created").cloned(),
            modified: time.get("modified").cloned(),
            package_unpublished,
            readme: field("readme"),
            readme_filename: field("readmeFilename"),
        })
    }

    /// Whether nothing is known of the package that could be taken over.
    pub(crate) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.unpublished.is_empty()
    }

    /// Returns the names of the owners.
    pub(crate) fn owner_names(&self) -> impl Iterator<Item = &str> {
        self.maintainers.iter().map(|owner| owner.name.as_str())
    }

    /// Returns the tags that can be set here.
    pub(crate) fn valid_dist_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let tags = self.dist_tags.iter().filter(|(tag, _)| DistTag::parse(tag).is_ok());
        tags.map(|(tag, version)| (tag.as_str(), version.as_str()))
    }
}

/// Returns the accounts that starred the package.
fn stars(document: &ForeignDocument<'_>) -> IndexSet<String> {
    let users = document.entries("users").0.into_iter();
    let users = users.filter(|(name, is_starred)| is_starred.get() == "true" && !name.as_str().is_empty());
    users.map(|(name, _)| name.as_str().to_owned()).collect()
}

/// Returns the versions that `time` lists, and those of a package that was unpublished as a whole.
fn unpublished<'a>(
    document: &ForeignDocument<'_>,
    time: &'a IndexMap<String, String>,
    package_unpublished: Option<&str>,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    let listed = time.iter().filter(|(of, _)| !TIMES_OF_PACKAGE.contains(&of.as_str()));
    let listed = listed.map(|(version, moment)| (version.clone(), moment.clone()));
    let at = package_unpublished.unwrap_or_default().to_owned();
    let removed: Entries<'_> = document
        .entries("time")
        .0
        .get("unpublished")
        .and_then(|unpublished| serde_json::from_str(unpublished.get()).ok())
        .unwrap_or_default();
    let removed: Option<Vec<String>> =
        removed.0.get("versions").and_then(|versions| serde_json::from_str(versions.get()).ok());
    let removed = removed.unwrap_or_default().into_iter().map(move |version| (version, at.clone()));
    removed.chain(listed).filter(|(version, _)| Version::parse(version).is_ok())
}

impl SourceVersion {
    fn read(manifest: &RawValue, time: Option<String>) -> Self {
        let fields: Entries<'_> = serde_json::from_str(manifest.get()).unwrap_or_default();
        let dist = fields.0.get("dist").and_then(|dist| serde_json::from_str(dist.get()).ok());
        let dist: Entries<'_> = dist.unwrap_or_default();
        let told = |field: &str| dist.0.get(field).and_then(|value| text(value));
        Self {
            deprecated: deprecation(manifest).unwrap_or_default(),
            time,
            url: told("tarball"),
            integrity: told("integrity"),
            shasum: told("shasum").map(|shasum| shasum.to_ascii_lowercase()),
            manifest: manifest.to_owned(),
        }
    }

    /// Returns the SHA-512 of the tarball, if the source tells it.
    pub(crate) fn sha512(&self) -> Option<Integrity> {
        self.integrity.as_deref().and_then(|integrity| Integrity::parse(integrity).ok())
    }

    /// Whether a hosted version has the same tarball, by the strongest digest that both have.
    pub(crate) fn has_tarball_of(&self, hosted: &NamedTarball) -> bool {
        match (self.sha512(), &hosted.integrity) {
            (Some(sha512), Some(hosted)) => sha512 == *hosted,
            _ => self.shasum.is_some() && self.shasum == hosted.shasum,
        }
    }
}
