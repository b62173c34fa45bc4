use std::collections::BTreeMap;

use futures::TryStreamExt as _;

use crate::access::{Action, TeamPermission};
use crate::auth::Caller;
use crate::domain::packument::Packument;
use crate::domain::{OrganizationRole, PackageName};
use crate::events::EventKind;
use crate::packages::deprecate::require_changeable;
use crate::storage::Key;
use crate::{Error, Registry};

use super::change::{Changing, IfMissing, Told};
use super::record::OrganizationRecord;
use super::teams::find;
use super::{Seen, require_role};

/// Package → what may be done with it.
pub type GrantedPackages = BTreeMap<PackageName, TeamPermission>;

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

    /// Takes back what a team was granted of a package. Whoever administers the package may, and so may owners and
    /// admins of the organisation.
    pub async fn revoke_grant(
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
                return Err(Error::NotGranted { organization, team, name: package });
            }
            let kind = EventKind::AccessRevoked { organization, team };
            Ok(Some(Told { kind, package: Some(package), joins: None }))
        };
        self.change_organization(caller, &name, IfMissing::Refuse, decide).await.map(drop)
    }

    /// What a team was granted, for those in it, and for owners and admins of its organisation.
    pub async fn team_packages(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<GrantedPackages, Error> {
        let Seen { name, record, role } = self.see_organization(caller, organization).await?;
        let (team_name, found) = find(&name, &record, team)?;
        if !record.is_in_team(team_name, found, self.whoami(caller)?) {
            let what = "see the packages of a team that you are not in,";
            self.report_role(caller, require_role(&name, role, OrganizationRole::Admin, what))?;
        }
        Ok(found.packages.clone())
    }

    /// What the teams of an organisation were granted: all of them for its owners and admins, and those that they are
    /// in for others.
    pub async fn organization_packages(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<GrantedPackages, Error> {
        let Seen { record, role, .. } = self.see_organization(caller, organization).await?;
        let account = self.whoami(caller)?;
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

    /// Who may do something with a package by being in a team.
    pub(crate) async fn granted_accounts(
        &self,
        package: &PackageName,
    ) -> Result<BTreeMap<String, TeamPermission>, Error> {
        let folder = Key::organizations()?;
        let all: Vec<_> = self.parts.store.list(&folder).try_collect().await?;
        let mut granted = BTreeMap::new();
        for found in all {
            let Some(blob) = self.parts.store.get(&found.path).await? else { continue };
            let record = OrganizationRecord::parse(&blob.bytes)?;
            for (name, team) in &record.teams {
                let Some(permission) = team.packages.get(package) else { continue };
                for account in record.members_of(name, team) {
                    let known = granted.entry(account.to_owned()).or_insert(*permission);
                    *known = (*known).max(*permission);
                }
            }
        }
        Ok(granted)
    }

    /// Refuses a caller who does not administer the package, or one that is not hosted here.
    ///
    /// Whoever is in the team can publish from then on, so the second factor that the package wants is asked for. Answers the
    /// caller who has shown it.
    async fn require_administration(&self, caller: &Caller, name: &PackageName) -> Result<Caller, Error> {
        let right = self.require_write(caller, name, Action::Administer)?;
        let index = self.require_index_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        self.report_denial(caller, name, require_changeable(&packument, &right, None))?;
        self.require_two_factor_to_delegate(caller, name, packument.protection.mfa).await
    }

    /// What the caller's own teams were granted.
    pub(crate) fn granted_to(caller: &Caller) -> GrantedPackages {
        let packages = caller.memberships.iter().flat_map(|memberships| &memberships.packages);
        packages.map(|(name, permission)| (name.clone(), *permission)).collect()
    }
}
