use std::num::NonZeroUsize;

use crate::domain::PackageName;
use crate::domain::retention::KeepReason;

/// What became of the versions of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetainedPackage {
    /// The package.
    pub name: PackageName,
    /// The number of the rule that decided, from 1. Without one, all versions stay and none is listed.
    pub rule: Option<NonZeroUsize>,
    /// The versions that stay, in the order of the packument.
    pub kept: Vec<KeptVersion>,
    /// The versions that go, or went.
    pub removed: Vec<RemovedVersion>,
    /// Tarballs of versions that an earlier run removed before it was stopped, and that this one deleted.
    pub leftovers: u64,
}

/// A version that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptVersion {
    /// As the packument has it.
    pub version: String,
    /// Why; at least one reason.
    pub reasons: Vec<KeepReason>,
}

/// A version that goes, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedVersion {
    /// The version.
    pub version: String,
    /// The bytes of its tarball; 0 if it is missing.
    pub bytes: u64,
}

impl RetainedPackage {
    pub(super) fn of(name: PackageName, rule: Option<NonZeroUsize>) -> Self {
        Self { name, rule, kept: Vec::new(), removed: Vec::new(), leftovers: 0 }
    }
}
