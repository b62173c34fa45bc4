use std::fmt;

use serde::{Deserialize, Serialize};

use super::Action;

/// What a team may do with a granted package. A greater permission allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeamPermission {
    /// See and install it.
    ReadOnly,
    /// Also publish versions, deprecate them and move dist-tags. Does not allow removing what others published.
    ReadWrite,
}

impl TeamPermission {
    /// Returns whether it allows `action`.
    pub fn gives(self, action: Action) -> bool {
        match action {
            Action::Read => true,
            Action::Publish => self == Self::ReadWrite,
            Action::Administer => false,
        }
    }
}

impl fmt::Display for TeamPermission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        })
    }
}
