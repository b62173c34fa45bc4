use serde::{Deserialize, Serialize};

use crate::domain::GroupName;

/// The organisations that a token is for, and what may be done to them with it.
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
    /// Which. To all others, the token is good for nothing.
    pub names: Vec<GroupName>,
    /// What may be done to these.
    pub permission: OrganizationPermission,
}

/// What a token's holder may do with it to the organisations that it is for. A greater one permits more, and none more
/// than what its holder may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationPermission {
    /// Nothing.
    NoAccess,
    /// See who is in it, its teams, and what those were granted.
    ReadOnly,
    /// That, and change it. What a team is granted of a package takes the right to that package too.
    ReadWrite,
}

impl TokenOrganizations {
    /// Whether the token may be used to do to the organisation `name` what takes the permission `needed`.
    pub fn permit(&self, name: &GroupName, needed: OrganizationPermission) -> bool {
        self.permission >= needed && self.names.contains(name)
    }
}
