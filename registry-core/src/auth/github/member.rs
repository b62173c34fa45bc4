use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::api::{Api, Listed, User};
use super::token_kind::TokenKind;
use super::trouble::Trouble;
use super::{ADMINS, GithubSettings};
use crate::auth::Principal;
use crate::auth::external_identity::ExternalIdentity;
use crate::storage::{BlobPath, Key};
use crate::vocabulary::BoxError;

/// An account at GitHub. Organizations and teams are in lowercase, since GitHub ignores case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Never changes, while a login can be given up and taken over by another account.
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) email: Option<String>,
    pub(super) organizations: Vec<String>,
    /// Each as `organization/team`.
    pub(super) teams: Vec<String>,
}

impl ExternalIdentity for Member {
    fn name(&self) -> &str {
        &self.login
    }

    fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn path(name: &str) -> Result<BlobPath, BoxError> {
        Ok(Key::GithubAccount(&name.to_ascii_lowercase()).path()?)
    }
}

/// The standing of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its holder is let in.
    In(Arc<Member>),
    /// It is valid, and its holder is in none of the organizations, as far as the token shows.
    Outside(Arc<Member>),
    /// GitHub knows no such token.
    Bad,
}

/// Which accounts the settings let in, and which of them are admins.
#[derive(Debug)]
pub(super) struct Policy {
    organizations: Vec<String>,
    admins: Vec<String>,
}

impl Policy {
    pub(super) fn new(settings: &GithubSettings) -> Self {
        let small = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { organizations: small(&settings.restricted_organizations), admins: small(&settings.admins) }
    }

    /// Returns whether an account is let in. Admins must be in an organization too.
    pub(super) fn lets_in(&self, member: &Member) -> bool {
        self.organizations.is_empty()
            || member.organizations.iter().any(|name| self.organizations.contains(name))
    }

    pub(super) fn principal(&self, member: &Member) -> Principal {
        let mut principal = Principal { email: member.email.clone(), ..Principal::user(&member.login) }
            .with_subject(member.id.to_string());
        let named = member.organizations.iter().chain(&member.teams);
        principal.groups.extend(named.map(|name| format!("github:{name}")));
        if self.admins.contains(&member.login.to_ascii_lowercase()) {
            principal.groups.push(ADMINS.to_owned());
        }
        principal
    }
}

/// Asks GitHub for the holder of the token, and for its organizations and teams.
pub(super) async fn ask(
    api: &Api,
    policy: &Policy,
    kind: TokenKind,
    token: &SecretString,
) -> Result<Standing, Trouble> {
    let user = match kind {
        TokenKind::OfApp => api.user_of_app_token(token).await?,
        TokenKind::Personal => api.user_of_personal_token(token).await?,
        TokenKind::WithoutUser => None,
    };
    let Some(User { id, login, email }) = user else { return Ok(Standing::Bad) };
    if !is_login(&login) {
        return Err(Trouble::down("it returned an invalid user name"));
    }
    let memberships = match api.memberships(token).await? {
        Listed::All(memberships) => memberships,
        Listed::Hidden => Vec::new(),
        Listed::BadToken => return Ok(Standing::Bad),
    };
    let teams = match api.teams(token).await? {
        Listed::All(teams) => teams,
        Listed::Hidden => Vec::new(),
        Listed::BadToken => return Ok(Standing::Bad),
    };
    let active = memberships.into_iter().filter(|membership| membership.state == "active");
    let member = Arc::new(Member {
        id,
        login,
        email,
        organizations: active.map(|membership| membership.organization.login.to_ascii_lowercase()).collect(),
        teams: teams
            .into_iter()
            .map(|team| format!("{}/{}", team.organization.login, team.slug).to_ascii_lowercase())
            .collect(),
    });
    Ok(if policy.lets_in(&member) { Standing::In(member) } else { Standing::Outside(member) })
}

/// Returns whether a name is valid for a user or an organization at GitHub; logins of managed users contain `_`.
pub(super) fn is_login(name: &str) -> bool {
    /// Twice of what GitHub allows today.
    const LONGEST: usize = 80;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(fits)
}
