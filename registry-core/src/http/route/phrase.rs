use crate::domain::PackageName;

use super::{AccessRoute, HookRoute, PolicyRoute, Route, StageRoute, TokenRoute, TrustRoute};

/// What each of the requests does that a client sends to unpublish versions.
pub(crate) fn unpublish_phrase(name: &PackageName) -> String {
    format!("unpublish versions of {name}")
}

impl Route {
    /// Returns what the request asks for, in the words of a user who confirms it; `None` for routes that nothing has to
    /// be confirmed for. Names in it are as the client wrote them.
    pub(crate) fn phrase(&self) -> Option<String> {
        Some(match self {
            // Of these and some others, the body says more: see `Call::confirm`.
            Self::PutPackument { name } | Self::PutPackumentRevision { name, .. } => format!("change {name}"),
            Self::DeletePackument { name, .. } => format!("unpublish {name}"),
            Self::DeleteTarball { name, .. } => unpublish_phrase(name),
            Self::SetDistTag { name, tag } => format!("set the dist-tag {tag} of {name}"),
            Self::RemoveDistTag { name, tag } => format!("remove the dist-tag {tag} of {name}"),
            Self::AddOwner { name } => format!("add an owner to {name}"),
            Self::RemoveOwner { name, account } => format!("remove the owner {account} from {name}"),
            Self::Star { name: Some(name) } => format!("star {name}"),
            Self::Unstar { name: Some(name) } => format!("remove the star of {name}"),
            Self::Token(TokenRoute::Create) => "create a token".to_owned(),
            Self::Token(TokenRoute::Revoke { .. }) => "revoke a token".to_owned(),
            Self::Token(TokenRoute::SetProfile) => "change the account".to_owned(),
            Self::Stage(StageRoute::Submit { name }) => format!("stage a version of {name}"),
            Self::Stage(StageRoute::Approve { id }) => format!("approve the staged version {id}"),
            Self::Stage(StageRoute::Reject { id }) => format!("reject the staged version {id}"),
            Self::Access(route) => return route.phrase(),
            Self::Trust(TrustRoute::Create { name }) => format!("let other builds publish {name}"),
            Self::Trust(TrustRoute::Revoke { name, .. }) => format!("let no builds publish {name}"),
            Self::Policy(PolicyRoute::Block) => "block versions".to_owned(),
            Self::Policy(PolicyRoute::Unblock { name }) => format!("lift a block of versions of {name}"),
            Self::Policy(PolicyRoute::Recall) => "recall a version".to_owned(),
            Self::Policy(PolicyRoute::UndoRecall { name }) => {
                format!("undo the recall of a version of {name}")
            }
            Self::Hook(HookRoute::Create) => "create a hook".to_owned(),
            Self::Hook(HookRoute::Update { id }) => format!("change the hook {id}"),
            Self::Hook(HookRoute::Delete { id }) => format!("delete the hook {id}"),
            _ => return None,
        })
    }
}

impl AccessRoute {
    fn phrase(&self) -> Option<String> {
        Some(match self {
            Self::SetMember(organization) => format!("add a member to the organization {organization}"),
            Self::RemoveMember(organization) => {
                format!("remove a member from the organization {organization}")
            }
            Self::CreateTeam(organization) => format!("create a team in the organization {organization}"),
            Self::DestroyTeam(team) => format!("delete the team {}:{}", team.organization, team.name),
            Self::AddTeamMember(team) => {
                format!("add a member to the team {}:{}", team.organization, team.name)
            }
            Self::RemoveTeamMember(team) => {
                format!("remove a member from the team {}:{}", team.organization, team.name)
            }
            Self::Grant(team) => format!("grant a package to the team {}:{}", team.organization, team.name),
            Self::Revoke(team) => {
                format!("take a package from the team {}:{}", team.organization, team.name)
            }
            Self::SetAccess(name) => format!("change who sees {name}, or its second factor"),
            _ => return None,
        })
    }
}
