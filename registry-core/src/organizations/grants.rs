use crate::accounts::whoami;
use crate::error::OrganizationError;
use std::collections::BTreeMap;

use crate::Error;
use crate::access::{Action, TeamPermission};
use crate::auth::Caller;
use crate::domain::packument::Packument;
use crate::domain::{OrganizationRole, PackageName};
use crate::events::{EventKind, OrganizationAction};
use crate::organizations::Organizations;

use super::change::{Changing, IfMissing, Told};
use super::teams::find;
use super::{Seen, require_role};

/// Package → the granted permission.
pub type GrantedPackages = BTreeMap<PackageName, TeamPermission>;

impl Organizations {
    pub(crate) async fn grant(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        package: &PackageName,
        permission: TeamPermission,
    ) -> Result<(), Error> {
        let Seen { name, record, .. } = self.see_organization_to_change(caller, organization).await?;
        find(&name, &record, team)?;
        let caller = &self.require_administration(caller, package).await?;
        let (wanted, package) = (team.to_owned(), package.clone());
        let decide = move |organization: Changing<'_>| {
            let Changing { name, record, .. } = organization;
            let team = find(name, record, &wanted)?.0.clone();
            let granted = record.teams.get_mut(&team);
            let before = granted.and_then(|team| team.packages.insert(package.clone(), permission));
            let kind = EventKind::AccessGranted { organization: name.clone(), team, permission };
            let told = Told { kind, package: Some(package.clone()), joins: None };
            Ok((before != Some(permission)).then_some(told))
        };
        self.change_organization(caller, &name, IfMissing::Refuse, decide).await.map(drop)
    }

    pub(crate) async fn revoke_grant(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        package: &PackageName,
    ) -> Result<(), Error> {
        let Seen { name, record, role } = self.see_organization_to_change(caller, organization).await?;
        find(&name, &record, team)?;
        let caller = &if role < OrganizationRole::Admin {
            self.require_administration(caller, package).await?
        } else {
            caller.clone()
        };
        let (wanted, package) = (team.to_owned(), package.clone());
        let decide = move |organization: Changing<'_>| {
            let Changing { name, record, .. } = organization;
            let team = find(name, record, &wanted)?.0.clone();
            let revoked = record.teams.get_mut(&team).and_then(|team| team.packages.remove(&package));
            let (organization, package) = (name.clone(), package.clone());
            if revoked.is_none() {
                return Err(Error::Organization(OrganizationError::NotGranted {
                    organization,
                    team,
                    name: package,
                }));
            }
            let kind = EventKind::AccessRevoked { organization, team };
            Ok(Some(Told { kind, package: Some(package), joins: None }))
        };
        self.change_organization(caller, &name, IfMissing::Refuse, decide).await.map(drop)
    }

    pub(crate) async fn team_packages(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<GrantedPackages, Error> {
        let Seen { name, record, role } = self.see_organization(caller, organization).await?;
        let (team_name, found) = find(&name, &record, team)?;
        if !record.is_in_team(team_name, found, whoami(caller)?) {
            let what = OrganizationAction::SeePackagesOfOtherTeams;
            self.report_role(caller, require_role(&name, role, OrganizationRole::Admin, what))?;
        }
        Ok(found.packages.clone())
    }

    pub(crate) async fn organization_packages(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<GrantedPackages, Error> {
        let Seen { record, role, .. } = self.see_organization(caller, organization).await?;
        let account = whoami(caller)?;
        let teams = record
            .teams
            .iter()
            .filter(|(name, team)| role >= OrganizationRole::Admin || record.is_in_team(name, team, account));
        let mut packages = GrantedPackages::new();
        for (package, permission) in teams.flat_map(|(_, team)| &team.packages) {
            let known = packages.entry(package.clone()).or_insert(*permission);
            *known = (*known).max(*permission);
        }
        Ok(packages)
    }

    /// Rejects a caller who does not administer the package, and a package that is not hosted here.
    ///
    /// Members of the team can publish from then on, so this requires the package's second factor. Returns the
    /// caller, marked so that it is not checked again.
    async fn require_administration(&self, caller: &Caller, name: &PackageName) -> Result<Caller, Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        let index = self.proxy().require_index_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        self.authorization.report_denial(caller, name, right.require_changeable(&packument, None))?;
        self.accounts().require_two_factor_to_delegate(caller, name, packument.protection.mfa).await
    }

    /// Returns the grants of the caller's own teams.
    pub(crate) fn granted_to(caller: &Caller) -> GrantedPackages {
        let packages = caller.memberships.iter().flat_map(|memberships| &memberships.packages);
        packages.map(|(name, permission)| (name.clone(), *permission)).collect()
    }
}
