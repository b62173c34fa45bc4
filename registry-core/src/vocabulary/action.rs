use std::fmt;

use serde::{Deserialize, Serialize};

/// An operation on a package, as access rules distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// See and install it.
    Read,
    /// Publish versions, deprecate them, move dist-tags.
    Publish,
    /// Change its owners, and remove it or versions of it.
    Administer,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Administer => "administer",
        })
    }
}

/// Whether an action is allowed. A greater verdict allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not allowed.
    Denied,
    /// Allowed if the package is new, or the principal owns it.
    AllowedToOwners,
    /// Allowed.
    Allowed,
}
