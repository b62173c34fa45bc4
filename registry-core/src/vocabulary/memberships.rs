use std::collections::HashMap;

use super::TeamPermission;
use crate::domain::PackageName;

/// The organizations and teams of an account that are in the store, and what they allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships {
    pub(crate) groups: Vec<String>,
    pub(crate) packages: HashMap<PackageName, TeamPermission>,
}

impl Memberships {
    /// Returns the organizations and teams, as access rules spell the group: `local:acme`, `local:acme/platform`.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Returns the greatest permission that the account's teams were granted on a package.
    pub fn permission(&self, package: &PackageName) -> Option<TeamPermission> {
        self.packages.get(package).copied()
    }
}
