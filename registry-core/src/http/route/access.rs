use crate::domain::PackageName;

use super::segments::Segments;
use super::{RouteError, Verb};

/// The routes of organizations, teams, and package access. Names of organizations and teams are unchecked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AccessRoute {
    /// `GET /-/org/{organization}/user`
    Members(String),
    /// `PUT /-/org/{organization}/user`
    SetMember(String),
    /// `DELETE /-/org/{organization}/user`, with a body
    RemoveMember(String),
    /// `GET /-/org/{organization}/package`
    OrganizationPackages(String),
    /// `GET /-/org/{organization}/team`
    Teams(String),
    /// `PUT /-/org/{organization}/team`
    CreateTeam(String),
    /// `DELETE /-/team/{organization}/{team}`
    DestroyTeam(Team),
    /// `GET /-/team/{organization}/{team}/user`
    TeamMembers(Team),
    /// `PUT /-/team/{organization}/{team}/user`
    AddTeamMember(Team),
    /// `DELETE /-/team/{organization}/{team}/user`, with a body
    RemoveTeamMember(Team),
    /// `GET /-/team/{organization}/{team}/package`
    TeamPackages(Team),
    /// `PUT /-/team/{organization}/{team}/package`
    Grant(Team),
    /// `DELETE /-/team/{organization}/{team}/package`, with a body
    Revoke(Team),
    /// `GET /-/user/{account}/package`, `GET /-/-/package`
    PackagesOf {
        /// The account whose packages are listed; `None` for the caller.
        account: Option<String>,
    },
    /// `GET /-/package/{name}/collaborators`
    Collaborators(PackageName),
    /// `GET /-/package/{name}/visibility`
    Visibility(PackageName),
    /// `GET /-/package/{name}/access`
    Access(PackageName),
    /// `POST /-/package/{name}/access`
    SetAccess(PackageName),
}

/// A team of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The organization.
    pub organization: String,
    /// The team in it.
    pub name: String,
}

impl AccessRoute {
    /// Parses the segments after `/-/`; `None` for any other path.
    pub(super) fn parse(verb: Verb, segments: &[&str]) -> Option<Result<Self, RouteError>> {
        let read_only = |route| match verb {
            Verb::Read => Ok(route),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD" }),
        };
        Some(match segments {
            ["org", organization, "package"] => read_only(Self::OrganizationPackages(owned(organization))),
            ["org", organization, "user"] => match verb {
                Verb::Read => Ok(Self::Members(owned(organization))),
                Verb::Put => Ok(Self::SetMember(owned(organization))),
                Verb::Delete => Ok(Self::RemoveMember(owned(organization))),
                _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" }),
            },
            ["org", organization, "team"] => match verb {
                Verb::Read => Ok(Self::Teams(owned(organization))),
                Verb::Put => Ok(Self::CreateTeam(owned(organization))),
                _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT" }),
            },
            ["team", organization, name, rest @ ..] => {
                let team = Team { organization: owned(organization), name: owned(name) };
                match (rest, verb) {
                    ([], Verb::Delete) => Ok(Self::DestroyTeam(team)),
                    (["user"], Verb::Read) => Ok(Self::TeamMembers(team)),
                    (["user"], Verb::Put) => Ok(Self::AddTeamMember(team)),
                    (["user"], Verb::Delete) => Ok(Self::RemoveTeamMember(team)),
                    (["package"], Verb::Read) => Ok(Self::TeamPackages(team)),
                    (["package"], Verb::Put) => Ok(Self::Grant(team)),
                    (["package"], Verb::Delete) => Ok(Self::Revoke(team)),
                    ([], _) => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
                    (["user" | "package"], _) => {
                        Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" })
                    }
                    _ => return None,
                }
            }
            ["-", "package"] => read_only(Self::PackagesOf { account: None }),
            ["user", account, "package"] => read_only(Self::PackagesOf { account: Some(owned(account)) }),
            _ => return None,
        })
    }

    /// Parses the segments after `/-/package/{name}/`; `None` for any other path.
    pub(super) fn parse_of_package(verb: Verb, segments: &Segments<'_>) -> Option<Result<Self, RouteError>> {
        let (name, next) = segments.name_at(2).ok()?;
        Some(match (&segments.list()[next..segments.count()], verb) {
            (["collaborators"], Verb::Read) => Ok(Self::Collaborators(name)),
            (["visibility"], Verb::Read) => Ok(Self::Visibility(name)),
            (["access"], Verb::Read) => Ok(Self::Access(name)),
            (["access"], Verb::Post) => Ok(Self::SetAccess(name)),
            (["collaborators" | "visibility"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD" }),
            (["access"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
            _ => return None,
        })
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Members(_) => "organization-members",
            Self::SetMember(_) => "set-organization-member",
            Self::RemoveMember(_) => "remove-organization-member",
            Self::OrganizationPackages(_) => "organization-packages",
            Self::Teams(_) => "teams",
            Self::CreateTeam(_) => "create-team",
            Self::DestroyTeam(_) => "destroy-team",
            Self::TeamMembers(_) => "team-members",
            Self::AddTeamMember(_) => "add-team-member",
            Self::RemoveTeamMember(_) => "remove-team-member",
            Self::TeamPackages(_) => "team-packages",
            Self::Grant(_) => "grant",
            Self::Revoke(_) => "revoke-grant",
            Self::PackagesOf { .. } => "packages-of",
            Self::Collaborators(_) => "collaborators",
            Self::Visibility(_) => "visibility",
            Self::Access(_) => "access",
            Self::SetAccess(_) => "set-access",
        }
    }
}

fn owned(text: &str) -> String {
    text.to_owned()
}
