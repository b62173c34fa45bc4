use serde::{Deserialize, Serialize};

use crate::domain::GroupName;

/// The organizations that a token is for, and what it may do to them.
///
/// ```
/// use registry_core::auth::{OrganizationPermission, TokenOrganizations};
/// use registry_core::domain::GroupName;
/// let (acme, other) = (GroupName::parse("acme")?, GroupName::parse("other")?);
/// let limits =
///     TokenOrganizations { names: vec![acme.clone()], permission: OrganizationPermission::ReadOnly };
/// assert!(limits.permit(&acme, OrganizationPermission::ReadOnly));
/// assert!(!limits.permit(&acme, OrganizationPermission::ReadWrite));
/// assert!(!limits.permit(&other, OrganizationPermission::ReadOnly));
/// # Ok::<(), registry_core::domain::GroupNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenOrganizations {
    /// The organizations. The token has no rights on others.
    pub names: Vec<GroupName>,
    /// What it may do to them.
    pub permission: OrganizationPermission,
}

/// What a token may do to the organizations that it is for, within the rights of its holder. A greater permission
/// allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationPermission {
    /// Nothing.
    NoAccess,
    /// See the members, the teams, and the teams' grants.
    ReadOnly,
    /// Also change it. A grant of a package requires the right to that package too.
    ReadWrite,
}

impl TokenOrganizations {
    /// Returns whether the token has the permission `needed` on the organization `name`.
    pub fn permit(&self, name: &GroupName, needed: OrganizationPermission) -> bool {
        self.permission >= needed && self.names.contains(name)
    }
}
