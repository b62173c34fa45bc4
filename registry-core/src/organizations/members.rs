use crate::accounts::whoami;
use crate::error::{AccountError, OrganizationError};
use std::collections::BTreeMap;

use crate::Error;
use crate::auth::{Caller, OrganizationPermission};
use crate::domain::{GroupName, OrganizationRole};
use crate::events::{EventKind, OrganizationAction};
use crate::organizations::Organizations;

use super::change::{Changing, IfMissing, Told};
use super::require_role;

/// A member of an organization, after their role was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationMember {
    /// The organization.
    pub organization: GroupName,
    /// The number of its members.
    pub size: usize,
    /// The account.
    pub account: String,
    /// The role.
    pub role: OrganizationRole,
}

impl Organizations {
    pub(crate) async fn organization_members(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<BTreeMap<String, OrganizationRole>, Error> {
        Ok(self.see_organization(caller, organization).await?.record.members)
    }

    pub(crate) async fn set_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
        role: Option<OrganizationRole>,
    ) -> Result<OrganizationMember, Error> {
        whoami(caller)?;
        let name = GroupName::parse(organization)?;
        self.require_organization(caller, &name, OrganizationPermission::ReadWrite)?;
        let found = self.accounts().look_up_account(account).await?;
        let found =
            found.ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))?;
        let account = found.principal.name;
        let member = account.clone();
        let decide = move |organization: Changing<'_>| set_role(organization, &member, role);
        let record = self.change_organization(caller, &name, IfMissing::Create, decide).await?;
        let role = record.members.get(&account).copied().unwrap_or(OrganizationRole::Developer);
        Ok(OrganizationMember { organization: name, size: record.members.len(), account, role })
    }

    pub(crate) async fn remove_organization_member(
        &self,
        caller: &Caller,
        organization: &str,
        account: &str,
    ) -> Result<(), Error> {
        let own_name = whoami(caller)?.to_owned();
        let name = self.see_organization_to_change(caller, organization).await?.name;
        let member = account.to_owned();
        let decide = move |organization: Changing<'_>| remove(organization, &member, member == own_name);
        self.change_organization(caller, &name, IfMissing::Refuse, decide).await.map(drop)
    }
}

fn set_role(
    Changing { name, record, role: own, is_new }: Changing<'_>,
    account: &str,
    role: Option<OrganizationRole>,
) -> Result<Option<Told>, Error> {
    let known = record.members.get(account).copied();
    if is_new && known.is_some() {
        // The caller who creates it becomes its owner, regardless of the requested role.
        return Ok(None);
    }
    let role = role.or(known).unwrap_or(OrganizationRole::Developer);
    let greatest = known.map_or(role, |known| known.max(role)).max(OrganizationRole::Admin);
    require_role(name, own, greatest, OrganizationAction::ChangeMembers)?;
    if known == Some(role) {
        return Ok(None);
    }
    if known == Some(OrganizationRole::Owner) && record.owners() == 1 {
        return Err(Error::Organization(OrganizationError::LastOrganizationOwner {
            organization: name.clone(),
        }));
    }
    record.members.insert(account.to_owned(), role);
    let member = account.to_owned();
    Ok(Some(Told {
        kind: EventKind::OrganizationMemberSet { organization: name.clone(), member: member.clone(), role },
        package: None,
        joins: known.is_none().then_some(member),
    }))
}

fn remove(
    Changing { name, record, role: own, .. }: Changing<'_>,
    account: &str,
    is_oneself: bool,
) -> Result<Option<Told>, Error> {
    let known = record.members.get(account).copied();
    if !is_oneself {
        let needed = known.unwrap_or(OrganizationRole::Admin).max(OrganizationRole::Admin);
        require_role(name, own, needed, OrganizationAction::ChangeMembers)?;
    }
    let Some(known) = known else {
        return Err(Error::Organization(OrganizationError::NotAMember {
            organization: name.clone(),
            account: account.to_owned(),
        }));
    };
    if known == OrganizationRole::Owner && record.owners() == 1 {
        return Err(Error::Organization(OrganizationError::LastOrganizationOwner {
            organization: name.clone(),
        }));
    }
    record.members.remove(account);
    for team in record.teams.values_mut() {
        team.members.remove(account);
    }
    let removed =
        EventKind::OrganizationMemberRemoved { organization: name.clone(), member: account.to_owned() };
    Ok(Some(removed.into()))
}
