use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::PackageName;

use super::{Action, Memberships, TeamPermission, TokenHash, TokenLimits, Via};

/// Somebody, as a provider vouches for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name, unique within the registry.
    pub name: String,
    /// A person or a machine.
    pub kind: PrincipalKind,
    /// The groups, each as the provider spells it in access rules, such as `github:acme/platform`.
    pub groups: Vec<String>,
    /// The mail address, where one is known. It appears in packuments as `maintainers`.
    pub email: Option<String>,
    /// What the provider tells its people apart by, where that is not the name: it stays the same while a name can be
    /// given up and taken by another person. A name belongs to the subject that first came with it.
    #[serde(skip)]
    pub subject: Option<String>,
}

/// A person or a machine.
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
    /// A person in no group.
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: PrincipalKind::User, groups: Vec::new(), email: None, subject: None }
    }

    /// The same with a mail address.
    #[must_use]
    pub fn with_email(self, email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..self }
    }

    /// The same, known to its provider by this.
    #[must_use]
    pub fn with_subject(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// The same in a group more.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.groups.push(group.into());
        self
    }
}

/// Whether readers take a name for the same without its end.
pub(crate) fn is_confusing_name(name: &str) -> bool {
    name.ends_with(['.', '-', '_'])
}

/// On whose behalf an operation runs: a principal or nobody, and from where. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Who it is; `None` for an anonymous caller.
    pub principal: Option<Arc<Principal>>,
    /// Where the request came from, where that is known.
    pub address: Option<IpAddr>,
    /// What the token that was shown is limited to; `None` where it was no token of this registry.
    pub limits: Option<Arc<TokenLimits>>,
    /// What comes of the organisations and teams that they are in.
    pub(crate) memberships: Option<Arc<Memberships>>,
    /// The one-time password that was sent along, unchecked.
    pub one_time_password: Option<SecretString>,
    /// With what the caller was identified; `None` where whoever embeds the registry vouches for them.
    pub(crate) shown: Option<Shown>,
    /// By which way they came, where it is not the usual one.
    pub(crate) via: Option<Via>,
    /// Whether this request has shown a second factor already. A recovery code cannot be shown again.
    pub(crate) second_factor_shown: bool,
}

/// What somebody showed to be identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A bearer token, of this registry or of a provider.
    Token(TokenHash),
    /// Name and password.
    Password,
    /// Nothing but the name, by an operator who has the store.
    Operator,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The name of the principal, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.principal.as_deref().map(|principal| principal.name.as_str())
    }

    /// The trust that a build acts by, where it is one.
    pub(crate) fn trust(&self) -> Option<&str> {
        Some(self.limits.as_ref()?.publisher.as_ref()?.trust.as_str())
    }

    /// The same request under this name, to tell of somebody who is not let in.
    pub(crate) fn named(&self, name: &str) -> Self {
        self.known_as(Principal::user(name))
    }

    /// The same request, once it is known who made it.
    pub(crate) fn known_as(&self, principal: Principal) -> Self {
        Self { principal: Some(Arc::new(principal)), address: self.address, via: self.via, ..Self::default() }
    }

    /// The same, and every event of what they do tells by which way they came.
    #[must_use]
    pub fn coming_via(self, via: Via) -> Self {
        Self { via: Some(via), ..self }
    }

    /// The same, once it is known whether they have shown a second factor.
    #[must_use]
    pub(crate) fn having_shown(&self, second_factor_shown: bool) -> Self {
        Self { second_factor_shown, ..self.clone() }
    }

    /// The same, and no second factor is asked of them: for what changes nothing that others rely on.
    pub(crate) fn without_two_factor(&self) -> Self {
        Self { shown: None, ..self.clone() }
    }

    /// Who this is when it comes to doing `action` to `package`: nobody, where the token is not for that.
    pub(crate) fn principal_for(&self, action: Action, package: &PackageName) -> Option<&Principal> {
        self.principal_if(|limits| limits.permit(action, package))
    }

    /// Who this is where the token must permit something: nobody, if it does not.
    pub(crate) fn principal_if(&self, permit: impl Fn(&TokenLimits) -> bool) -> Option<&Principal> {
        let permitted = self.limits.as_deref().is_none_or(permit);
        self.principal.as_deref().filter(|_| permitted)
    }

    /// What the teams of the caller were granted of the package.
    pub(crate) fn granted(&self, package: &PackageName) -> Option<TeamPermission> {
        self.memberships.as_ref()?.permission(package)
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        Self { principal: Some(Arc::new(principal)), ..Self::default() }
    }
}
