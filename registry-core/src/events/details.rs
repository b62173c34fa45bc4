use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::access::Decision;
use crate::domain::GroupName;
use crate::vocabulary::{Action, OrganizationAction};

use super::rule_decision::RuleDecision;

impl From<(Action, Decision<'_>)> for RuleDecision {
    fn from((action, decision): (Action, Decision<'_>)) -> Self {
        Self {
            action,
            verdict: decision.verdict,
            rule: decision.number,
            pattern: decision.rule.map(str::to_owned),
            entry: decision.grant.map(|grant| grant.to_string()),
        }
    }
}

/// What a caller was denied. Serializes as its text, such as `publish` or `change teams of acme`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeniedAction {
    /// An action on a package.
    Package(Action),
    /// To star or unstar a package.
    Star,
    /// To read an account.
    ReadAccount,
    /// To change an account, its tokens or its second factor.
    ChangeAccount,
    /// An action on an organization.
    Organization(OrganizationAction, GroupName),
}

impl From<Action> for DeniedAction {
    fn from(action: Action) -> Self {
        Self::Package(action)
    }
}

impl fmt::Display for DeniedAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(action) => action.fmt(formatter),
            Self::Star => formatter.write_str("star"),
            Self::ReadAccount => formatter.write_str("read the account"),
            Self::ChangeAccount => formatter.write_str("change the account"),
            Self::Organization(action @ (OrganizationAction::See | OrganizationAction::Change), name) => {
                write!(formatter, "{action} the organization {name}")
            }
            Self::Organization(action, name) => write!(formatter, "{action} of {name}"),
        }
    }
}

impl Serialize for DeniedAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What denied a request. The decision of the access rules is in [`Event::access`](super::Event::access).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeniedBy {
    /// The access rules, and no team widens them.
    Rules,
    /// The rules allow it to owners of the package, and the principal is none.
    Ownership,
    /// The limits of the token.
    Token,
    /// The owners made the package private, and neither a rule nor a team names the principal.
    PrivatePackage,
    /// The request needs a signed-in caller, whatever the rules say.
    NotSignedIn,
    /// The principal's role in the organization.
    OrganizationRole,
}

/// Why a credential was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CredentialRejection {
    /// An invalid `Authorization` header, an unknown scheme, or more than one header.
    Malformed,
    /// An unknown or revoked token.
    UnknownToken,
    /// An expired token.
    ExpiredToken,
    /// A token used from outside its networks. The principal is its holder.
    TokenElsewhere,
    /// A name and password that do not match.
    WrongPassword,
    /// A credential that is valid at its provider, for a name that another provider owns.
    NameOfAnother,
}

/// Why a browser login or a device login was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WebLoginRejection {
    /// It was begun in another browser.
    OtherBrowser,
    /// The form is not from the page of this login, or is too old.
    Form,
    /// The provider does not say who the user is, or rejects them.
    Provider,
    /// Another provider owns the name.
    NameOfAnother,
    /// Another account signed in than the one that must confirm.
    OtherAccount,
    /// The second factor is wrong.
    SecondFactor,
}

/// When an account is asked for its second factor, after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SecondFactorMode {
    /// Never.
    Disabled,
    /// At logins, and to change the account and its tokens.
    AuthOnly,
    /// Also for each change to a package.
    AuthAndWrites,
}
