use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::packument::MfaPolicy;
use crate::domain::{DistTag, GroupName, OrganizationRole, PackageName, StageId, Version};
use crate::vocabulary::{RecallCause, TeamPermission};

use super::details::{CredentialRejection, DeniedAction, DeniedBy, SecondFactorMode, WebLoginRejection};

pub use constructor::Event;

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A version was published.
    Published {
        /// The version.
        version: Version,
        /// The dist-tag it was published under.
        tag: DistTag,
        /// The SHA-512 of the tarball in npm's format.
        integrity: String,
    },
    /// The package was sent to the sinks of the change feed again, on request of the operator. It did not change, and the
    /// feed does not contain this event.
    Indexed {
        /// The version that `latest` names, or else the last one that was published.
        version: Version,
        /// `latest`, if it names the version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<DistTag>,
        /// The SHA-512 of the tarball in npm's format; absent for a version without one, which codebox-npm stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        integrity: Option<String>,
    },
    /// Versions of another registry were imported, or what it says of them was brought up to date. No other event tells of
    /// them.
    Imported {
        /// The other registry, as host, port and path.
        from: String,
        /// How many versions were added.
        added: u64,
        /// The version that `latest` names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        latest: Option<Version>,
    },
    /// A version was staged. It cannot be installed until it is approved.
    Staged {
        /// The id to approve or reject it by.
        id: StageId,
        /// The version.
        version: Version,
        /// The dist-tag it gets when it is published.
        tag: DistTag,
        /// The SHA-512 of the tarball in npm's format.
        integrity: String,
    },
    /// A staged version was approved and published. No `published` event is emitted for it.
    StageApproved {
        /// The id it was staged under.
        id: StageId,
        /// The version.
        version: Version,
        /// The dist-tag it was published under.
        tag: DistTag,
        /// The SHA-512 of the tarball in npm's format.
        integrity: String,
        /// The principal that staged it.
        publisher: String,
    },
    /// A staged version was rejected. Its version number is free again.
    StageRejected {
        /// The id it was staged under.
        id: StageId,
        /// The version.
        version: Version,
        /// The principal that staged it.
        publisher: String,
    },
    /// A dist-tag was set.
    DistTagSet {
        /// The tag.
        tag: DistTag,
        /// The version it now points to.
        version: Version,
    },
    /// A dist-tag was removed.
    DistTagRemoved {
        /// The dist-tag, which may be one that could not be set today.
        tag: String,
    },
    /// Versions were deprecated, or their message changed.
    Deprecated {
        /// The versions.
        versions: Vec<Version>,
        /// The message that installs display.
        message: String,
    },
    /// Versions are no longer deprecated.
    Undeprecated {
        /// The versions.
        versions: Vec<Version>,
    },
    /// Versions were removed. Their version numbers stay reserved.
    Unpublished {
        /// The versions.
        versions: Vec<Version>,
    },
    /// The whole package was removed. Its version numbers stay reserved.
    PackageUnpublished {
        /// The versions it had.
        versions: Vec<Version>,
    },
    /// The owners changed.
    OwnersChanged {
        /// The current owners.
        owners: Vec<String>,
    },
    /// The principal starred the package.
    Starred,
    /// The principal removed the star.
    Unstarred,
    /// An upstream withdrew versions.
    WithdrawnUpstream {
        /// The versions.
        versions: Vec<Version>,
    },
    /// An account was created.
    SignedUp,
    /// An operator removed the account.
    AccountRemoved,
    /// An account logged in.
    LoggedIn,
    /// A login failed.
    LoginFailed {
        /// The attempted name.
        name: String,
    },
    /// A client sent an invalid credential. Emitted once a minute for each network and reason, followed by a count of
    /// the rest.
    CredentialRefused {
        /// Why.
        reason: CredentialRejection,
        /// The name that was sent with a password, unless it does not look like a name.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A client began a browser or device login, or a request for a one-time password in the browser.
    WebLoginStarted,
    /// The user signed in on the page of a browser login. The client can now take its token.
    WebLoginApproved,
    /// A browser login was rejected.
    WebLoginRefused {
        /// Why.
        reason: WebLoginRejection,
    },
    /// A client revoked its own token by logging out.
    LoggedOut,
    /// A token other than a session was created.
    TokenCreated {
        /// Its id.
        key: String,
        /// The account that holds it.
        holder: String,
        /// Its name, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// When it expires, if ever.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<DateTime<Utc>>,
    },
    /// A token that ends within 14 days was used. Emitted once a day for each token by each process.
    TokenExpiring {
        /// Its id.
        key: String,
        /// When it expires.
        expires: DateTime<Utc>,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Its id.
        key: String,
        /// The account that held it.
        holder: String,
    },
    /// Builds may publish the package from now on.
    TrustCreated {
        /// The id of the trust.
        id: String,
        /// The registry's name for the issuer.
        issuer: String,
        /// Which builds are trusted.
        claims: serde_json::Map<String, serde_json::Value>,
    },
    /// Builds may no longer publish the package.
    TrustRevoked {
        /// The id of the trust.
        id: String,
    },
    /// A build exchanged its identity token for a registry token.
    IdTokenExchanged {
        /// The id of the trust that allowed it.
        trust: String,
        /// The account that trusts the build.
        on_behalf_of: String,
        /// The registry's name for the issuer.
        issuer: String,
        /// How the issuer describes the build.
        claims: BTreeMap<String, String>,
        /// When the token expires.
        expires: DateTime<Utc>,
    },
    /// An identity token of a build was rejected. Emitted once a minute for each network and reason, followed by a
    /// count of the rest.
    IdTokenRefused {
        /// Why.
        reason: String,
        /// The issuer's claims about the build, if its signature is valid.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        claims: BTreeMap<String, String>,
    },
    /// A password was changed, which ended the other sessions.
    PasswordChanged,
    /// An account's email address or profile fields were changed.
    ProfileChanged,
    /// A second factor was set up, changed or removed.
    TwoFactorChanged {
        /// When the account is asked for it from now on.
        mode: SecondFactorMode,
    },
    /// A wrong one-time password was shown.
    TwoFactorFailed,
    /// A request was rejected because it needs a one-time password and has none, or the account has no second factor.
    TwoFactorMissing,
    /// A recovery code was used in place of a one-time password.
    RecoveryCodeUsed {
        /// The number of unused recovery codes.
        left: usize,
    },
    /// The owners changed the visibility or the second factor of a package.
    PackageAccessChanged {
        /// Whether it is private now, and so visible only to its owners, and to callers named by rules or teams.
        restricted: bool,
        /// When a second factor is required to change it.
        mfa: MfaPolicy,
    },
    /// A team was granted a package, or its permission on it changed.
    AccessGranted {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// The permission.
        permission: TeamPermission,
    },
    /// A team's grant was revoked.
    AccessRevoked {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// An organization was created, with the principal as its owner.
    OrganizationCreated {
        /// The organization.
        organization: GroupName,
    },
    /// An account was added to an organization, or its role changed.
    OrganizationMemberSet {
        /// The organization.
        organization: GroupName,
        /// The account.
        member: String,
        /// The current role.
        role: OrganizationRole,
    },
    /// An account was removed from an organization and all its teams.
    OrganizationMemberRemoved {
        /// The organization.
        organization: GroupName,
        /// The account.
        member: String,
    },
    /// A team was created.
    TeamCreated {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// A team was deleted, with its grants.
    TeamDestroyed {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
    },
    /// An account was added to a team.
    TeamMemberAdded {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// The account.
        member: String,
    },
    /// An account was removed from a team.
    TeamMemberRemoved {
        /// The organization.
        organization: GroupName,
        /// The team in it.
        team: GroupName,
        /// The account.
        member: String,
    },
    /// Administrators blocked versions: the registry neither lists nor serves them.
    VersionsBlocked {
        /// The range of versions; `*` is every version.
        versions: String,
        /// Why.
        reason: String,
        /// When the block ends by itself, if ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// Administrators lifted a block of versions.
    VersionsUnblocked {
        /// The range of versions, as the block had it.
        versions: String,
    },
    /// A version was recalled: the registry neither lists nor serves it, and its dist-tags name other versions.
    Recalled {
        /// The version.
        version: Version,
        /// Why, for callers who are refused the version.
        reason: String,
        /// What made the registry recall it.
        #[serde(default, skip_serializing_if = "RecallCause::is_request")]
        cause: RecallCause,
    },
    /// Administrators undid the recall of a version, which is listed and served again.
    RecallUndone {
        /// The version.
        version: Version,
    },
    /// An operator loaded the advisories of a database.
    AdvisoriesUpdated {
        /// Where they came from.
        source: String,
        /// The number of advisories.
        advisories: u64,
        /// The number of packages that they name.
        packages: u64,
    },
    /// An operator added an advisory, or replaced the one of the same id.
    AdvisoryAdded {
        /// The id of the advisory.
        advisory: String,
    },
    /// An operator removed an advisory that was added.
    AdvisoryRemoved {
        /// The id of the advisory.
        advisory: String,
    },
    /// A package was asked for or published for the first time whose name looks like another. Emitted once an hour for each name.
    SimilarName {
        /// The name that it looks like.
        like: PackageName,
        /// Whether it was refused.
        refused: bool,
    },
    /// A tarball was downloaded. Emitted only where that is asked for.
    Downloaded {
        /// The version.
        version: Version,
    },
    /// A request was denied for lack of permission.
    #[serde(skip_deserializing)]
    Denied {
        /// The requested action. For an anonymous caller, the action that such requests usually need.
        action: DeniedAction,
        /// What denied it: the access rules may allow what another limit denies.
        by: DeniedBy,
    },
}

mod constructor;
#[cfg(test)]
mod tests;
