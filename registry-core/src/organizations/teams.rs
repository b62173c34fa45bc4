use crate::Error;
use crate::accounts::whoami;
use crate::auth::{Caller, OrganizationPermission};
use crate::domain::{GroupName, OrganizationRole};
use crate::error::OrganizationError;
use crate::events::{EventKind, OrganizationAction};
use crate::organizations::Organizations;

use super::change::{Changing, IfMissing, PendingEvent};
use super::require_role;
use crate::memberships::{DEVELOPERS, OrganizationRecord, TeamRecord};

/// The longest description of a team in bytes.
const LONGEST_DESCRIPTION: usize = 200;

impl Organizations {
    pub(crate) async fn teams(&self, caller: &Caller, organization: &str) -> Result<Vec<GroupName>, Error> {
        Ok(self.see_organization(caller, organization).await?.record.teams.into_keys().collect())
    }

    pub(crate) async fn team_members(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<Vec<String>, Error> {
        let seen = self.see_organization(caller, organization).await?;
        let (name, found) = find(&seen.name, &seen.record, team)?;
        Ok(seen.record.members_of(name, found).map(str::to_owned).collect())
    }

    pub(crate) async fn create_team(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        description: Option<String>,
    ) -> Result<(), Error> {
        whoami(caller)?;
        let (name, team) = (GroupName::parse(organization)?, GroupName::parse(team)?);
        self.require_organization(caller, &name, OrganizationPermission::ReadWrite)?;
        if description.as_ref().is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
            return Err(Error::request(format!(
                "the description of a team has at most {LONGEST_DESCRIPTION} bytes: give a shorter one"
            )));
        }
        let decide = move |organization: Changing<'_>| {
            require_team_admin(&organization)?;
            if organization.record.teams.contains_key(&team) {
                return Ok(None);
            }
            let made = TeamRecord { description: description.clone(), ..TeamRecord::default() };
            organization.record.teams.insert(team.clone(), made);
            let (organization, team) = (organization.name.clone(), team.clone());
            Ok(Some(EventKind::TeamCreated { organization, team }.into()))
        };
        self.change_organization(caller, &name, IfMissing::Create, decide).await.map(drop)
    }

    pub(crate) async fn destroy_team(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
    ) -> Result<(), Error> {
        self.change_team(caller, organization, team, |organization, team| {
            refuse_developers(organization.name, &team)?;
            organization.record.teams.remove(&team);
            let organization = organization.name.clone();
            Ok(Some(EventKind::TeamDestroyed { organization, team }.into()))
        })
        .await
    }

    pub(crate) async fn add_team_member(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        account: &str,
    ) -> Result<(), Error> {
        let member = account.to_owned();
        self.change_team(caller, organization, team, move |organization, team| {
            let Changing { name, record, .. } = organization;
            if !record.members.contains_key(&member) {
                return Err(Error::Organization(OrganizationError::NotAMember {
                    organization: name.clone(),
                    account: member.clone(),
                }));
            }
            let added = team.as_str() != DEVELOPERS
                && record.teams.get_mut(&team).is_some_and(|found| found.members.insert(member.clone()));
            let (organization, member) = (name.clone(), member.clone());
            Ok(added.then(|| EventKind::TeamMemberAdded { organization, team, member }.into()))
        })
        .await
    }

    pub(crate) async fn remove_team_member(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        account: &str,
    ) -> Result<(), Error> {
        let member = account.to_owned();
        self.change_team(caller, organization, team, move |organization, team| {
            refuse_developers(organization.name, &team)?;
            let found = organization.record.teams.get_mut(&team);
            let removed = found.is_some_and(|found| found.members.remove(&member));
            let (organization, member) = (organization.name.clone(), member.clone());
            if !removed {
                return Err(Error::Organization(OrganizationError::NotInTeam {
                    organization,
                    team,
                    account: member,
                }));
            }
            Ok(Some(EventKind::TeamMemberRemoved { organization, team, member }.into()))
        })
        .await
    }

    /// Changes an existing team, if the caller may.
    async fn change_team(
        &self,
        caller: &Caller,
        organization: &str,
        team: &str,
        mut decide: impl FnMut(Changing<'_>, GroupName) -> Result<Option<PendingEvent>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let name = self.see_organization_to_change(caller, organization).await?.name;
        let wanted = team.to_owned();
        let decide = move |organization: Changing<'_>| {
            require_team_admin(&organization)?;
            let team = find(organization.name, organization.record, &wanted)?.0.clone();
            decide(organization, team)
        };
        self.change_organization(caller, &name, IfMissing::Refuse, decide).await.map(drop)
    }
}

/// Returns the team of this name.
pub(super) fn find<'record>(
    organization: &GroupName,
    record: &'record OrganizationRecord,
    team: &str,
) -> Result<(&'record GroupName, &'record TeamRecord), Error> {
    let found = GroupName::parse(team).ok().and_then(|name| record.teams.get_key_value(&name));
    found.ok_or_else(|| {
        Error::Organization(OrganizationError::TeamNotFound {
            organization: organization.clone(),
            team: team.to_owned(),
        })
    })
}

fn refuse_developers(organization: &GroupName, team: &GroupName) -> Result<(), Error> {
    if team.as_str() == DEVELOPERS {
        return Err(Error::Organization(OrganizationError::DevelopersTeam {
            organization: organization.clone(),
        }));
    }
    Ok(())
}

/// Rejects a caller whose role does not let them change teams.
fn require_team_admin(organization: &Changing<'_>) -> Result<(), Error> {
    require_role(
        organization.name,
        organization.role,
        OrganizationRole::Admin,
        OrganizationAction::ChangeTeams,
    )
}
