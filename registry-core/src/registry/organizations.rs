use std::collections::BTreeMap;

use crate::auth::Caller;
use crate::domain::{GroupName, OrganizationRole, PackageName};
use crate::organizations::{GrantedPackages, OrganizationMember};
use crate::vocabulary::TeamPermission;
use crate::{Error, Registry};

impl Registry {
    /// Grants a team a permission on a package. The caller must administer the package, as its owners do, and be in
    /// the organization.
    pub async fn grant(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        package: &PackageName,
        permission: TeamPermission,
    ) -> Result<(), Error> {
        self.organizations().grant(caller, organization, team, package, permission).await
    }

    /// Revokes a team's grant on a package. Requires the right to administer the package, or the role of an owner or
    /// admin in the organization.
    pub async fn revoke_grant(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        package: &PackageName,
    ) -> Result<(), Error> {
        self.organizations().revoke_grant(caller, organization, team, package).await
    }

    /// Returns the grants of a team. For members of the team, and owners and admins of its organization.
    pub async fn team_packages(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<GrantedPackages, Error> {
        self.organizations().team_packages(caller, organization, team).await
    }

    /// Returns the grants of an organization's teams: of all teams for its owners and admins, and of their own teams
    /// for other members.
    pub async fn organization_packages(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<GrantedPackages, Error> {
        self.organizations().organization_packages(caller, organization).await
    }

    /// Returns the members of an organization and their roles. For members, and for callers who administer its scope.
    pub async fn organization_members(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<BTreeMap<String, OrganizationRole>, Error> {
        self.organizations().organization_members(caller, organization).await
    }

    /// Adds an account to an organization, or changes its role. Without a role, new members become developers and
    /// others keep their role.
    ///
    /// A missing organization is created, if the settings let the caller do so, with the caller as its owner. Only
    /// owners add and change owners; the last owner cannot be changed.
    pub async fn set_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
        role: Option<OrganizationRole>,
    ) -> Result<OrganizationMember, Error> {
        self.organizations().set_organization_member(caller, organization, account, role).await
    }

    /// Removes an account from an organization and from all its teams. Members may remove themselves, except the last
    /// owner.
    pub async fn remove_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
    ) -> Result<(), Error> {
        self.organizations().remove_organization_member(caller, organization, account).await
    }

    /// Returns the teams of an organization, for its members.
    pub async fn teams(&self, caller: &Caller, organization: &str) -> Result<Vec<GroupName>, Error> {
        self.organizations().teams(caller, organization).await
    }

    /// Returns the members of a team, for members of its organization.
    pub async fn team_members(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<Vec<String>, Error> {
        self.organizations().team_members(caller, organization, team).await
    }

    /// Creates a team, if it is missing. Creates a missing organization too, as [`Registry::set_organization_member`]
    /// does.
    pub async fn create_team(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        description: Option<String>,
    ) -> Result<(), Error> {
        self.organizations().create_team(caller, organization, team, description).await
    }

    /// Deletes a team and its grants.
    pub async fn destroy_team(&self, caller: &Caller, organization: &str, team: &str) -> Result<(), Error> {
        self.organizations().destroy_team(caller, organization, team).await
    }

    /// Adds a member of the organization to one of its teams.
    pub async fn add_team_member(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        account: &str,
    ) -> Result<(), Error> {
        self.organizations().add_team_member(caller, organization, team, account).await
    }

    /// Removes an account from a team.
    pub async fn remove_team_member(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        account: &str,
    ) -> Result<(), Error> {
        self.organizations().remove_team_member(caller, organization, team, account).await
    }
}
