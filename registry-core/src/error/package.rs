use super::shown;
use crate::domain::{PackageName, StageId, Version};

/// Why a package is not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The version was published before.
    #[error(
        "You cannot publish over the previously published versions: {version}. A version number cannot be \
         reused, not even after an unpublish: raise the version in package.json"
    )]
    VersionTaken {
        /// The version.
        version: Version,
    },
    /// The version is staged: its number is reserved until it is rejected.
    #[error(
        "{name}@{version} is staged as {id}, so its number is taken: publish it with `npm stage approve ID`, or free the number \
         with `npm stage reject ID`; `npm stage list {name}` shows the ID"
    )]
    VersionStaged {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The id of the staged version.
        id: StageId,
    },
    /// An `npm-shrinkwrap.json` in the tarball takes packages from a registry that this one does not know.
    #[error(
        "the tarball's npm-shrinkwrap.json takes packages from {origin}, which is neither the `public_url` of this registry nor \
         one of its upstreams, and npm alone would install them from there: write the file anew with \
         `npm shrinkwrap --omit-lockfile-registry-resolved`, or publish without it"
    )]
    ShrinkwrapOrigin {
        /// Where it takes them from, such as `https://registry.example`.
        origin: String,
    },
    /// `latest` cannot be removed.
    #[error("the dist-tag latest cannot be removed: set it to another version instead")]
    LatestTag,
    /// A package needs an owner.
    #[error("{name} must keep at least one owner: add another one first")]
    LastOwner {
        /// The package.
        name: PackageName,
    },
    /// The package does not exist, or the caller may not see it.
    #[error("the package {0} does not exist in this registry")]
    NotFound(PackageName),
    /// The package was unpublished.
    #[error("Unpublished on {time}: the package {name} does not exist any more")]
    Unpublished {
        /// The package.
        name: PackageName,
        /// When it happened.
        time: String,
    },
    /// The version or tag does not exist.
    #[error("version not found: {selector}")]
    VersionNotFound {
        /// The action.
        selector: String,
    },
    /// The tag does not exist.
    #[error("the dist-tag {} does not exist", shown(tag))]
    TagNotFound {
        /// The tag.
        tag: String,
    },
    /// The owner to remove is not an owner.
    #[error("{} is not an owner of {name}", shown(account))]
    NotAnOwner {
        /// The name.
        account: String,
        /// The package.
        name: PackageName,
    },
    /// The change is based on an outdated revision.
    #[error("conflict: the package was changed meanwhile, run the command again")]
    StaleRevision,
}
