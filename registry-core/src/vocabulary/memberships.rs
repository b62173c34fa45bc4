use std::collections::HashMap;

use super::TeamPermission;
use crate::domain::PackageName;

/// What somebody is and may do through the organisations and teams that are kept in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships {
    pub(crate) groups: Vec<String>,
    pub(crate) packages: HashMap<PackageName, TeamPermission>,
}

impl Memberships {
    /// The organisations and teams, each as access rules spell the group: `local:acme`, `local:acme/platform`.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// What the teams were granted of a package; the most, where several were.
    pub fn permission(&self, package: &PackageName) -> Option<TeamPermission> {
        self.packages.get(package).copied()
    }
}
