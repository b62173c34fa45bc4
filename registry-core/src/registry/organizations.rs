use std::collections::BTreeMap;

use crate::auth::Caller;
use crate::domain::{GroupName, OrganizationRole, PackageName};
use crate::organizations::{GrantedPackages, OrganizationMember};
use crate::vocabulary::TeamPermission;
use crate::{Error, Registry};

impl Registry {
    /// Lets a team read a package, or read it and publish to it. The caller must administer the package, as its owners
    /// do, and be in the organisation.
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

    /// Takes back what a team was granted of a package. Whoever administers the package may, and so may owners and
    /// admins of the organisation.
    pub async fn revoke_grant(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        package: &PackageName,
    ) -> Result<(), Error> {
        self.organizations().revoke_grant(caller, organization, team, package).await
    }

    /// What a team was granted, for those in it, and for owners and admins of its organisation.
    pub async fn team_packages(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<GrantedPackages, Error> {
        self.organizations().team_packages(caller, organization, team).await
    }

    /// What the teams of an organisation were granted: all of them for its owners and admins, and those that they are
    /// in for others.
    pub async fn organization_packages(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<GrantedPackages, Error> {
        self.organizations().organization_packages(caller, organization).await
    }

    /// Who is in an organisation, and as what. Only members, and whoever administers its scope, may know.
    pub async fn organization_members(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<BTreeMap<String, OrganizationRole>, Error> {
        self.organizations().organization_members(caller, organization).await
    }

    /// Takes somebody into an organisation, or changes what they are in it. Without a role, newcomers are developers
    /// and others stay what they are.
    ///
    /// Where there is no such organisation, it is made, if the settings let the caller do so, with the caller as its
    /// owner. Owners are made and changed by owners; the last one stays.
    pub async fn set_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
        role: Option<OrganizationRole>,
    ) -> Result<OrganizationMember, Error> {
        self.organizations().set_organization_member(caller, organization, account, role).await
    }

    /// Takes somebody out of an organisation and of all its teams. Everybody may go themselves, but for the last
    /// owner.
    pub async fn remove_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
    ) -> Result<(), Error> {
        self.organizations().remove_organization_member(caller, organization, account).await
    }

    /// The teams of an organisation, for its members.
    pub async fn teams(&self, caller: &Caller, organization: &str) -> Result<Vec<GroupName>, Error> {
        self.organizations().teams(caller, organization).await
    }

    /// Who is in a team, for members of its organisation.
    pub async fn team_members(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<Vec<String>, Error> {
        self.organizations().team_members(caller, organization, team).await
    }

    /// Makes a team, if it is not there yet. An organisation that does not exist is made with it, as by
    /// [`Registry::set_organization_member`].
    pub async fn create_team(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        description: Option<String>,
    ) -> Result<(), Error> {
        self.organizations().create_team(caller, organization, team, description).await
    }

    /// Ends a team, and what it was granted.
    pub async fn destroy_team(&self, caller: &Caller, organization: &str, team: &str) -> Result<(), Error> {
        self.organizations().destroy_team(caller, organization, team).await
    }

    /// Takes a member of the organization into a team of it.
    pub async fn add_team_member(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        account: &str,
    ) -> Result<(), Error> {
        self.organizations().add_team_member(caller, organization, team, account).await
    }

    /// Takes an account out of a team that it is in.
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
