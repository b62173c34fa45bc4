use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::Decision;
use crate::domain::packument::MfaPolicy;
use crate::domain::{DistTag, GroupName, OrganizationRole, PackageName, StageId, Version};
use crate::vocabulary::{Action, TeamPermission, Verdict, Via};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub time: DateTime<Utc>,
    /// Who did it; absent for an anonymous caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The trust that a build acted by, on behalf of the principal; absent where it was no build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// From where, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// By which way, where it is not the usual one of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// The package it concerns, if it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
    /// What the access rules say of it, where it is something that they decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RuleDecision>,
    /// How many more of its kind this one sums up, beside those that were told one by one; absent of an event that tells of
    /// itself alone. Of denials alone, see [`EventQueue`](super::EventQueue). Where package and principal are absent, it
    /// sums up what one network was denied of many packages, and where the address is absent too, many networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What the access rules say of something that was done or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleDecision {
    /// What was decided on.
    pub action: Action,
    /// Whether the rules allow it. What they allow to owners may have been refused to somebody who is none.
    pub verdict: Verdict,
    /// Which rule decided, counted from 1; absent where none matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The pattern of that rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The entry in it that allowed it, such as `user:ana in publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

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

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A version was published.
    Published {
        /// The version.
        version: Version,
        /// The tag it was published under.
        tag: DistTag,
        /// The SHA-512 of the tarball as npm spells it.
        integrity: String,
    },
    /// A version was staged. Nobody can install it until somebody approves it.
    Staged {
        /// What it is approved or rejected by.
        id: StageId,
        /// The version.
        version: Version,
        /// The tag it gets when it is published.
        tag: DistTag,
        /// The SHA-512 of the tarball as npm spells it.
        integrity: String,
    },
    /// A staged version was approved, and so it was published. No `published` comes beside this one.
    StageApproved {
        /// What it was known by.
        id: StageId,
        /// The version.
        version: Version,
        /// The tag it was published under.
        tag: DistTag,
        /// The SHA-512 of the tarball as npm spells it.
        integrity: String,
        /// Who staged it.
        publisher: String,
    },
    /// A staged version was rejected. Its number is free again.
    StageRejected {
        /// What it was known by.
        id: StageId,
        /// The version.
        version: Version,
        /// Who staged it.
        publisher: String,
    },
    /// A tag was set.
    DistTagSet {
        /// The tag.
        tag: DistTag,
        /// The version it now names.
        version: Version,
    },
    /// A tag was removed.
    DistTagRemoved {
        /// The tag, which may be one that could not be set today.
        tag: String,
    },
    /// Versions were deprecated, or their message changed.
    Deprecated {
        /// The versions.
        versions: Vec<Version>,
        /// What installs will say.
        message: String,
    },
    /// Versions are no longer deprecated.
    Undeprecated {
        /// The versions.
        versions: Vec<Version>,
    },
    /// Versions were removed. Their numbers stay taken.
    Unpublished {
        /// The versions.
        versions: Vec<Version>,
    },
    /// The whole package was removed. Its version numbers stay taken.
    PackageUnpublished {
        /// The versions it had.
        versions: Vec<Version>,
    },
    /// The owners changed.
    OwnersChanged {
        /// The owners now.
        owners: Vec<String>,
    },
    /// The principal starred the package.
    Starred,
    /// The principal took the star back.
    Unstarred,
    /// An upstream took versions back that it had.
    WithdrawnUpstream {
        /// The versions.
        versions: Vec<Version>,
    },
    /// An account was made.
    SignedUp,
    /// Somebody logged in.
    LoggedIn,
    /// Somebody failed to log in.
    LoginFailed {
        /// The name that was tried.
        name: String,
    },
    /// What a client showed with a request was no credential of anybody. Told of once a minute for each network and reason,
    /// with a count of the rest behind it.
    CredentialRefused {
        /// Why: `malformed`, `unknown-token`, `expired-token`, `token-elsewhere` (from outside its networks, and the
        /// principal is whose it is), `wrong-password`.
        reason: String,
        /// The name that was tried with a password, unless it looks like something else.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A client began a login in the browser, here or on another device, or asks for a one-time password there.
    WebLoginStarted,
    /// Somebody said in the browser who they are. Once the client asks, it is logged in.
    WebLoginApproved,
    /// A login in the browser was not let go on.
    WebLoginRefused {
        /// Why: `other-browser`, `form`, `provider`, `other-account`, `second-factor`.
        reason: String,
    },
    /// A token was given back.
    LoggedOut,
    /// A token was made that lasts longer than a session.
    TokenCreated {
        /// Its id.
        key: String,
        /// Whose it is.
        holder: String,
        /// What it is called, if anything.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// When it expires, if ever.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<DateTime<Utc>>,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Its id.
        key: String,
        /// Whose it was.
        holder: String,
    },
    /// Builds may publish the package from now on.
    TrustCreated {
        /// The id of the trust.
        id: String,
        /// What the registry calls their issuer.
        issuer: String,
        /// What tells them from others.
        claims: serde_json::Map<String, serde_json::Value>,
    },
    /// Builds may not publish the package any more.
    TrustRevoked {
        /// The id of the trust.
        id: String,
    },
    /// A build exchanged its identity for a token.
    IdTokenExchanged {
        /// The id of the trust that allowed it.
        trust: String,
        /// Whose right it uses.
        on_behalf_of: String,
        /// What the registry calls its issuer.
        issuer: String,
        /// What the issuer says of the build.
        claims: BTreeMap<String, String>,
        /// Until when the token is good.
        expires: DateTime<Utc>,
    },
    /// A build tried to, and was refused. Told of once a minute for each network and reason, with a count of the rest
    /// behind it.
    IdTokenRefused {
        /// Why.
        reason: String,
        /// What the issuer says of the build, where a signature proves it.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        claims: BTreeMap<String, String>,
    },
    /// A password was changed, which ended the other sessions.
    PasswordChanged,
    /// An account's mail address, or what its holder says of themselves, was changed.
    ProfileChanged,
    /// A second factor was set up, changed or taken away.
    TwoFactorChanged {
        /// `auth-only`, `auth-and-writes` or `disabled`.
        mode: String,
    },
    /// A wrong one-time password was shown.
    TwoFactorFailed,
    /// A recovery code was used in place of a one-time password.
    RecoveryCodeUsed {
        /// How many are left.
        left: usize,
    },
    /// What a package is open to was changed by its owners.
    PackageAccessChanged {
        /// Whether it is private now, so that only its owners, and those whom rules or teams name, see it.
        restricted: bool,
        /// When a second factor is needed to change it.
        mfa: MfaPolicy,
    },
    /// A team was granted a package, or is granted more or less of it than before.
    AccessGranted {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// What it may do.
        permission: TeamPermission,
    },
    /// What a team was granted was taken back.
    AccessRevoked {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// An organisation was made, with the principal as its owner.
    OrganizationCreated {
        /// The organisation.
        organization: GroupName,
    },
    /// Somebody came into an organisation, or has another role in it.
    OrganizationMemberSet {
        /// The organisation.
        organization: GroupName,
        /// Who.
        member: String,
        /// The role now.
        role: OrganizationRole,
    },
    /// Somebody was taken out of an organisation, and of all its teams.
    OrganizationMemberRemoved {
        /// The organisation.
        organization: GroupName,
        /// Who.
        member: String,
    },
    /// A team was made.
    TeamCreated {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// A team is no more, and what it was granted with it.
    TeamDestroyed {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// Somebody came into a team.
    TeamMemberAdded {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// Who.
        member: String,
    },
    /// Somebody was taken out of a team.
    TeamMemberRemoved {
        /// The organisation.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// Who.
        member: String,
    },
    /// Something was refused for want of permission.
    Denied {
        /// What was asked for: `read`, `star`, `publish` or `administer`. Where nobody is signed in, what such
        /// requests usually ask for.
        action: String,
    },
}

impl EventKind {
    /// What the access rules were asked for, where they were.
    pub(crate) fn action(&self) -> Option<Action> {
        match self {
            Self::Published { .. }
            | Self::Staged { .. }
            | Self::StageApproved { .. }
            | Self::StageRejected { .. }
            | Self::DistTagSet { .. }
            | Self::DistTagRemoved { .. }
            | Self::Deprecated { .. }
            | Self::Undeprecated { .. } => Some(Action::Publish),
            Self::Unpublished { .. }
            | Self::PackageUnpublished { .. }
            | Self::OwnersChanged { .. }
            | Self::PackageAccessChanged { .. }
            | Self::AccessGranted { .. } => Some(Action::Administer),
            Self::Starred | Self::Unstarred => Some(Action::Read),
            Self::Denied { action } => [Action::Publish, Action::Administer]
                .into_iter()
                .find(|one| one.to_string() == *action)
                .or(Some(Action::Read)),
            _ => None,
        }
    }
}
