use super::shown;
use crate::domain::{GroupName, OrganizationRole, PackageName};
use crate::vocabulary::OrganizationAction;

/// Why an organization or a team is not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrganizationError {
    /// The token is for organizations, but not for this one, or not for this operation.
    #[error(
        "your token does not permit you to {what} the organization {organization}: run `npm login`, or make \
         a token with `npm token create --orgs={organization} --orgs-permission=read-write`"
    )]
    TokenForbidsOrganization {
        /// The operation: `see` or `change`.
        what: OrganizationAction,
        /// The organization, which may not exist.
        organization: GroupName,
    },
    /// The organization does not exist, or the caller is not a member.
    #[error(
        "the organization {} does not exist, or you are not in it: ask one of its owners to add you, or \
         create it with `npm org set {} YOUR-NAME` if the registry's operator permits it (`administer` in \
         the rule for its scope, or `create` under [organizations])",
        shown(organization),
        shown(organization)
    )]
    NotFound {
        /// The name.
        organization: String,
    },
    /// The team does not exist.
    #[error(
        "the organization {organization} has no team {}: `npm team ls {organization}` shows its teams",
        shown(team)
    )]
    TeamNotFound {
        /// The organization.
        organization: GroupName,
        /// The name.
        team: String,
    },
    /// The account to add to a team, or to remove from an organization, is not a member of the organization.
    #[error(
        "{} is not in the organization {organization}: add them with `npm org set {organization} {}` first",
        shown(account),
        shown(account)
    )]
    NotAMember {
        /// The organization.
        organization: GroupName,
        /// The name.
        account: String,
    },
    /// The account to remove from a team is not a member.
    #[error(
        "{} is not in the team {organization}:{team}: `npm team ls {organization}:{team}` shows who is",
        shown(account)
    )]
    NotInTeam {
        /// The organization.
        organization: GroupName,
        /// The team.
        team: GroupName,
        /// The name.
        account: String,
    },
    /// The grant to revoke does not exist.
    #[error(
        "the team {organization}:{team} has no grant for {name}: `npm access list packages \
         {organization}:{team}` shows its grants"
    )]
    NotGranted {
        /// The organization.
        organization: GroupName,
        /// The team.
        team: GroupName,
        /// The package.
        name: PackageName,
    },
    /// The caller's role in the organization does not permit this.
    #[error("as {role} of {organization} you may not {what}: ask one of its owners")]
    RoleForbids {
        /// The action.
        what: OrganizationAction,
        /// The organization.
        organization: GroupName,
        /// The caller's role.
        role: OrganizationRole,
    },
    /// An organization needs an owner.
    #[error("{organization} must keep at least one owner: make another member an owner first")]
    LastOrganizationOwner {
        /// The organization.
        organization: GroupName,
    },
    /// Every member of an organization is in this team.
    #[error(
        "every member of {organization} is in its team developers, and no other user can be: change the \
         members of the organization with `npm org`, or make another team"
    )]
    DevelopersTeam {
        /// The organization.
        organization: GroupName,
    },
}
