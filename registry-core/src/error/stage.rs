use crate::domain::{PackageName, StageId, Version};

/// Why a staged version is not shown, approved or rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The staged version does not exist, or the caller may not see it.
    #[error("there is no staged version {id}: `npm stage list` shows the ids")]
    NotFound {
        /// Its id.
        id: StageId,
    },
    /// The staged version is already approved.
    #[error(
        "{name}@{version} was approved and is published: it can no longer be rejected, only deprecated or \
         unpublished"
    )]
    Approved {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// The version was staged before its package was unpublished.
    #[error(
        "{name} was unpublished after {version} was staged, so it cannot be approved: run `npm stage reject {id}`, then \
         publish or stage {version} again if it is still wanted"
    )]
    StagedPackageUnpublished {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The id of the staged version.
        id: StageId,
    },
    /// The staged version was approved, and then unpublished.
    #[error(
        "{name}@{version} was approved and then unpublished, so its number cannot be reused: publish the \
         next version"
    )]
    ApprovedUnpublished {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
}
