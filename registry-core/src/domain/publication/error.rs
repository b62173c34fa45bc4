use crate::domain::provenance::ProvenanceError;
use crate::domain::strict_json::StrictJsonError;
use crate::domain::{
    DistTagError, IntegrityError, ManifestDisagreement, PackageName, PackageNameError, TarballError, Version,
    VersionError,
};
use crate::limits::LimitExceeded;

/// Why a publication is rejected. Nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The body is not strict JSON.
    #[error("the publish document is not valid JSON: {0}")]
    Json(#[from] StrictJsonError),
    /// The body is JSON with another structure.
    #[error("the publish document does not have the format that npm sends: {reason}")]
    Shape {
        /// What is missing or of the wrong type.
        reason: String,
    },
    /// The document names another package than the URL.
    #[error("the document's {field} does not name the package {expected} that the URL names")]
    OtherName {
        /// The field: `name`, `_id`, `versions[…].name`.
        field: &'static str,
        /// The package of the URL.
        expected: PackageName,
    },
    /// The name is invalid.
    #[error("{0}")]
    Name(#[from] PackageNameError),
    /// The version is invalid.
    #[error("{0}")]
    Version(#[from] VersionError),
    /// The tag is invalid.
    #[error("{0}")]
    Tag(#[from] DistTagError),
    /// The document has no version, or several.
    #[error("exactly one version can be published at a time, and the document has {count}")]
    VersionCount {
        /// How many there are.
        count: usize,
    },
    /// A version is under the key of another.
    #[error("versions[\"{key}\"] declares another version")]
    OtherVersion {
        /// The key.
        key: Version,
    },
    /// The document has no tag, or several.
    #[error("exactly one dist-tag can be published at a time, and the document has {count}")]
    TagCount {
        /// How many there are.
        count: usize,
    },
    /// A tag names another version.
    #[error("the dist-tag {tag} names another version than the one published")]
    TagOfOtherVersion {
        /// The tag.
        tag: String,
    },
    /// The package is marked as private in its `package.json`.
    #[error("this package is marked as private: remove \"private\" from its package.json to publish it")]
    Private,
    /// A prerelease would become the version that clients install by default.
    #[error(
        "{version} is a prerelease, which would become `latest`, which clients install by default: name a \
         tag, such as --tag next"
    )]
    PrereleaseWithoutTag {
        /// The version.
        version: Version,
    },
    /// The `publishConfig` has an invalid value.
    #[error(
        "publishConfig.{field} in the package.json has an invalid value: write `\"tag\": \"next\"`, or \
         `\"access\": \"public\"` or \"restricted\""
    )]
    PublishConfig {
        /// The field.
        field: &'static str,
    },
    /// Restricted access without a scope.
    #[error(
        "packages without a scope cannot be published with restricted access: publish with --access public"
    )]
    RestrictedWithoutScope,
    /// The document has no tarball, or several.
    #[error("exactly one tarball must be attached, and the document has {count}")]
    TarballCount {
        /// How many there are.
        count: usize,
    },
    /// The provenance is rejected, or missing where a rule requires it.
    #[error("{0}")]
    Provenance(#[from] ProvenanceError),
    /// An attachment is neither a tarball nor provenance.
    #[error("the attachment {name} is not a tarball")]
    Attachment {
        /// The attachment's name, truncated.
        name: String,
    },
    /// The tarball is not base64.
    #[error("the attached tarball is not valid base64: it may have been cut off on the way, publish again")]
    Base64,
    /// The tarball's length differs from the declared one.
    #[error("the attached tarball has {actual} bytes and not the declared {declared}: publish again")]
    Length {
        /// The declared length.
        declared: u64,
        /// The actual length.
        actual: u64,
    },
    /// The SHA-1 differs.
    #[error("the tarball's SHA-1 is not the declared dist.shasum: publish again")]
    Shasum,
    /// The SHA-512 differs.
    #[error("the tarball's SHA-512 is not the declared dist.integrity: publish again")]
    Integrity,
    /// The integrity is invalid.
    #[error("dist.integrity cannot be read: {0}")]
    IntegrityText(#[from] IntegrityError),
    /// A part of the document exceeds a limit of the registry.
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
    /// The tarball is rejected.
    #[error("the tarball is rejected: {0}")]
    Tarball(#[from] TarballError),
    /// The tarball disagrees with the document.
    #[error("{0}")]
    Disagreement(#[from] ManifestDisagreement),
    /// Name and version together are too long for a store.
    #[error("the name and the version are too long together: choose a shorter one of either")]
    TooLongTogether,
}

impl PublishError {
    pub(super) fn shape(reason: impl Into<String>) -> Self {
        Self::Shape { reason: reason.into() }
    }
}
