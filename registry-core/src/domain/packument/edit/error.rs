use crate::domain::{DistTagError, PackageName, StageId, Version};

/// Why a packument was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EditError {
    /// No version of the package exists.
    #[error("the package {name} does not exist")]
    NotFound {
        /// The package.
        name: PackageName,
    },
    /// The whole package was unpublished.
    #[error("the package {name} was unpublished on {time}")]
    Unpublished {
        /// The package.
        name: PackageName,
        /// The time, as RFC 3339.
        time: String,
    },
    /// The package has no such version.
    #[error("the version {selector} does not exist")]
    VersionNotFound {
        /// The version.
        selector: String,
    },
    /// The version number is taken forever.
    #[error("the version {version} is taken")]
    VersionTaken {
        /// The version.
        version: Version,
    },
    /// The version number is staged.
    #[error("the version {version} of {name} is staged")]
    VersionStaged {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The id of the staged version.
        id: StageId,
    },
    /// The packument changed since the caller read it.
    #[error("the package was changed meanwhile")]
    StaleRevision,
    /// The package has no such dist-tag.
    #[error("the tag {tag} does not exist")]
    TagNotFound {
        /// The tag.
        tag: String,
    },
    /// The text is not a dist-tag.
    #[error(transparent)]
    Tag(#[from] DistTagError),
    /// A dist-tag would name a version that the package does not have.
    #[error("the tag {tag} names {version:?}, which is not a version of the package")]
    TagOfMissingVersion {
        /// The tag.
        tag: String,
        /// The version that it would name.
        version: String,
    },
    /// A stored manifest is damaged, or a value cannot be serialized.
    #[error("a manifest cannot be read or written")]
    Json(#[from] serde_json::Error),
}
