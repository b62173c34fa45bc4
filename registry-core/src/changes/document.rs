use std::fmt;

use crate::domain::{GroupName, PackageName};

/// A document whose commits contain events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ChangedDocument {
    /// The packument of a package.
    Package(PackageName),
    /// An organization.
    Organization(GroupName),
    /// The list of blocked versions.
    BlockedVersions,
}

impl fmt::Display for ChangedDocument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(formatter, "the package {name}"),
            Self::Organization(name) => write!(formatter, "the organization {name}"),
            Self::BlockedVersions => formatter.write_str("the list of blocked versions"),
        }
    }
}
