use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::PackageName;

use super::requested_action::RequestedAction;
use super::{Action, Memberships, RequestOrigin, TeamPermission, TokenHash, TokenLimits, Via};

/// An identified user or service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name, unique within the registry.
    pub name: String,
    /// Whether it is a person or a machine.
    pub kind: PrincipalKind,
    /// The groups, as access rules spell them, such as `github:acme/platform`.
    pub groups: Vec<String>,
    /// The email address, if known. It appears in packuments as `maintainers`.
    pub email: Option<String>,
    /// The provider's stable id of the account, if that is not the name. A name can be given up and taken over by
    /// another account; it belongs to the subject that first used it.
    #[serde(skip)]
    pub subject: Option<String>,
}

/// Whether it is a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A build, a robot, an operator's script.
    Service,
}

impl Principal {
    /// Returns a person in no group.
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: PrincipalKind::User, groups: Vec::new(), email: None, subject: None }
    }

    /// Sets the email address.
    #[must_use]
    pub fn with_email(self, email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..self }
    }

    /// Sets the provider's stable id.
    #[must_use]
    pub fn with_subject(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// Adds a group.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.groups.push(group.into());
        self
    }
}

/// Returns whether readers may confuse a name with the same name without its last character.
pub(crate) fn is_confusing_name(name: &str) -> bool {
    name.ends_with(['.', '-', '_'])
}

/// Returns whether a text has the form that names of accounts have, of whatever provider. Email addresses have it.
pub(crate) fn is_usual_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    (1..=100).contains(&name.len())
        && name.bytes().all(fits)
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The caller of an operation: a principal or an anonymous client, and its origin. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The principal; `None` for an anonymous caller.
    pub principal: Option<Arc<Principal>>,
    /// The address that the request came from, if known.
    pub address: Option<IpAddr>,
    /// The limits of the token; `None` for other credentials.
    pub limits: Option<Arc<TokenLimits>>,
    /// What the caller's organizations and teams allow.
    pub(crate) memberships: Option<Arc<Memberships>>,
    /// The one-time password of the request, unchecked.
    pub one_time_password: Option<SecretString>,
    /// The credential that identified the caller; `None` where the embedding program vouches for it.
    pub(crate) shown: Option<PresentedCredential>,
    /// How the request arrived, if not over HTTP.
    pub(crate) via: Option<Via>,
    /// Whether this request has already shown a second factor. A recovery code cannot be shown twice.
    pub(crate) second_factor_shown: bool,
    /// What the request does. A second factor that is shown in the browser counts for this alone.
    pub(crate) action: Option<Arc<RequestedAction>>,
    /// What the request says of itself, for events.
    pub(crate) origin: RequestOrigin,
}

/// The credential that identified a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PresentedCredential {
    /// A bearer token, of this registry or of a provider.
    Token(TokenHash),
    /// Name and password.
    Password,
    /// The name only, by an operator with access to the store.
    Operator,
}

impl Caller {
    /// Returns an anonymous caller.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Returns the operator at the command line, who acts for no account.
    pub(crate) fn operator() -> Self {
        Self::anonymous().coming_via(Via::CommandLine)
    }

    /// Whether this is the operator. No rule decides about one.
    pub(crate) fn is_operator(&self) -> bool {
        self.principal.is_none() && self.via == Some(Via::CommandLine)
    }

    /// Returns the name of the principal, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.principal.as_deref().map(|principal| principal.name.as_str())
    }

    /// Returns the trust of a build's token.
    pub(crate) fn trust(&self) -> Option<&str> {
        Some(self.limits.as_ref()?.publisher.as_ref()?.trust.as_str())
    }

    /// Returns the id of the token that identified the caller; `None` for other credentials.
    pub(crate) fn token_id(&self) -> Option<String> {
        match self.shown {
            Some(PresentedCredential::Token(hash)) => Some(hash.to_hex()),
            _ => None,
        }
    }

    /// Returns the same request without its credentials.
    pub(crate) fn without_credentials(&self) -> Self {
        Self { address: self.address, via: self.via, origin: self.origin.clone(), ..Self::default() }
    }

    /// Returns the same request under this name, for events about callers who are not let in.
    pub(crate) fn named(&self, name: &str) -> Self {
        self.known_as(Principal::user(name))
    }

    /// Returns the same request as made by `principal`.
    pub(crate) fn known_as(&self, principal: Principal) -> Self {
        Self { principal: Some(Arc::new(principal)), ..self.without_credentials() }
    }

    /// Returns the same caller, whose events name the way that the request arrived.
    #[must_use]
    pub fn coming_via(self, via: Via) -> Self {
        Self { via: Some(via), ..self }
    }

    /// Returns the same caller with `second_factor_shown` set.
    #[must_use]
    pub(crate) fn having_shown(&self, second_factor_shown: bool) -> Self {
        Self { second_factor_shown, ..self.clone() }
    }

    /// Returns the same caller, exempt from the second factor: for changes that other users do not depend on.
    pub(crate) fn without_two_factor(&self) -> Self {
        Self { shown: None, ..self.clone() }
    }

    /// Returns the principal, if the token permits `action` on `package`.
    pub(crate) fn principal_for(&self, action: Action, package: &PackageName) -> Option<&Principal> {
        self.principal_if(|limits| limits.permit(action, package))
    }

    /// Returns the principal, if the token's limits pass `permit`.
    pub(crate) fn principal_if(&self, permit: impl Fn(&TokenLimits) -> bool) -> Option<&Principal> {
        let permitted = self.limits.as_deref().is_none_or(permit);
        self.principal.as_deref().filter(|_| permitted)
    }

    /// Returns what the caller's teams were granted on the package.
    pub(crate) fn granted(&self, package: &PackageName) -> Option<TeamPermission> {
        self.memberships.as_ref()?.permission(package)
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        Self { principal: Some(Arc::new(principal)), ..Self::default() }
    }
}
