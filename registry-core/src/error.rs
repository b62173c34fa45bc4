//! The error type of all operations.
//!
//! ```
//! use registry_core::{Error, domain::PackageName};
//! let error = Error::PackageNotFound(PackageName::parse("pear").unwrap());
//! assert_eq!(error.to_string(), "the package pear does not exist in this registry");
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use crate::auth::AuthError;
use crate::concurrency::TaskFailed;
use crate::domain::packument::{EditError, PackumentError};
use crate::domain::publication::PublishError;
use crate::domain::shorten::shorten;
use crate::domain::{
    DistTagError, GroupName, GroupNameError, NewNameError, OrganizationRole, PackageName, PackageNameError,
    StageId, Version, VersionError,
};
use crate::limits::LimitExceeded;
use crate::storage::{BlobError, BlobPathError, Contended, Key, StorageError};
use crate::upstream::UpstreamError;
use crate::vocabulary::Action;
pub use crate::vocabulary::BoxError;

/// Why an operation failed. The text is for the user and discloses no internals, unless [`Error::is_internal`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name is invalid.
    #[error("{0}")]
    Name(#[from] PackageNameError),
    /// The version is invalid.
    #[error("{0}")]
    Version(#[from] VersionError),
    /// The tag is invalid.
    #[error("{0}")]
    Tag(#[from] DistTagError),
    /// The name of an organization or a team is invalid.
    #[error("{0}")]
    GroupName(#[from] GroupNameError),
    /// A publication is rejected.
    #[error("{0}")]
    Publish(#[from] PublishError),
    /// A part of a package exceeds a limit of the registry.
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
    /// A request is invalid.
    #[error("{reason}")]
    Request {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A search has no text.
    #[error("there is nothing to search for: send a `text`, as in `npm search pear`")]
    SearchTextMissing,
    /// The request exceeds the limit.
    #[error(
        "the request is larger than the {limit} bytes that this registry accepts: make the package smaller \
         (see `npm pack --dry-run`), or ask the registry's operator to raise the limit"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The document of a publish exceeds the limit over HTTP, and there may be another way to publish it.
    #[error(
        "the request is larger than the {limit} bytes that this registry accepts: make the package smaller \
         (see `npm pack --dry-run`), or {}",
        instead.as_deref().unwrap_or("ask the registry's operator to raise the limit")
    )]
    PublishTooLarge {
        /// The limit in bytes.
        limit: usize,
        /// What to do instead, in the operator's words.
        instead: Option<Arc<str>>,
    },
    /// The operation requires a signed-in caller.
    #[error("you must be signed in to do this: run `npm login` with this registry, then try again")]
    AuthenticationRequired,
    /// The credential is invalid or no longer valid.
    #[error("your token is not valid for this registry, or no longer: run `npm login`, then try again")]
    InvalidCredential,
    /// The token has expired.
    #[error(
        "your token expired at {}: run `npm login`, or make a new token with `npm token create`",
        crate::clock::timestamp(*at)
    )]
    TokenExpired {
        /// When it expired.
        at: chrono::DateTime<chrono::Utc>,
    },
    /// The token may not be used from the caller's network.
    #[error(
        "your token may not be used from this network address: use it from one of the networks it was made for, or \
         make another one with `npm token create`"
    )]
    AddressNotPermitted,
    /// The name or the password is wrong.
    #[error("incorrect username or password, or the username belongs to somebody else")]
    WrongPassword,
    /// The name or the password is wrong, at a login that creates no account, or without a provider that creates
    /// accounts. The text does not disclose whether the name is taken.
    #[error("incorrect username or password, or the username belongs to somebody else. {}", no_account_text(*.sign_up))]
    WrongPasswordOrNoAccount {
        /// Whether the caller can create an account.
        sign_up: bool,
    },
    /// The name or the password is wrong, and no new account can have this password.
    #[error(
        "incorrect username or password, or the username belongs to somebody else. To make a new account: {reason}"
    )]
    WrongPasswordForAnyAccount {
        /// Why no account can have it, and what to do.
        reason: String,
    },
    /// The password that a change requires is missing or wrong.
    #[error("the password of your account is wrong: try again with the password that you log in with")]
    WrongOwnPassword,
    /// The account has a second factor, and the request has none.
    #[error(
        "You must provide a one-time password: try again with the digits that your authenticator app shows, or with a \
         recovery code. A client that does not ask for it takes it as --otp"
    )]
    OneTimePasswordRequired,
    /// The second factor in the request is wrong, or was used before.
    #[error(
        "the one-time password is wrong, or was used already: try again with the next digits that your authenticator app \
         shows"
    )]
    WrongOneTimePassword,
    /// A user at a terminal must first enter a code on a page of the provider.
    #[error(
        "enter the code {user_code} at {url} on any device; when it says that you are done, give the digits that this \
         registry showed you as the one-time password"
    )]
    DeviceLogin {
        /// The page, which any browser may open.
        url: String,
        /// The code to enter there.
        user_code: String,
        /// Proves that the client that returns is at the same terminal.
        digits: secrecy::SecretString,
    },
    /// Too many recent wrong passwords or one-time passwords.
    #[error(
        "too many failed logins with this name or from this address: wait {seconds} seconds, then try again. Tokens \
         that you have go on working"
    )]
    TooManyFailures {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Too many accounts were created from one address.
    #[error(
        "too many accounts were made from this address: try again in {seconds} seconds, or ask the registry's operator \
         to make one for you"
    )]
    TooManySignUps {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Too many requests of one principal or address.
    #[error("too many requests: wait {seconds} seconds, then go on more slowly")]
    TooManyRequests {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Browser logins are off.
    #[error(
        "this registry has no login in the browser: log in with name and password (npm login --auth-type=legacy)"
    )]
    WebLoginOff,
    /// The browser login does not exist, or no longer.
    #[error("this login is over, or never was: run the command in your terminal again")]
    WebLoginGone,
    /// A browser login was opened in one browser and continued in another one.
    #[error(
        "this login was begun in another browser, or this one keeps no cookies: go on where you began, or run the \
         command in your terminal again"
    )]
    WebLoginElsewhere,
    /// The provider did not vouch for the user in the browser.
    #[error("{provider} did not say who you are: try again, or run the command in your terminal again")]
    WebLoginRejected {
        /// The provider, as it displays itself.
        provider: String,
    },
    /// A browser sent the request for a page of another site.
    #[error(
        "this request comes from a page of another site, which may change nothing here: use this registry's own address"
    )]
    ForeignOrigin,
    /// A form did not come from the registry's own page.
    #[error(
        "this form is not from this page, or is too old: open the page again, and enter everything once more"
    )]
    WebLoginForm,
    /// No provider creates accounts.
    #[error("sign-up is off at this registry: ask its operator for an account")]
    NoSignUp,
    /// The name of the new account belongs to another account, or is not available.
    #[error("no account can be made with this name: choose another one, or sign in if the account is yours")]
    NameTaken,
    /// The name belongs to a user of another provider, or to another user of the same provider.
    #[error(
        "the name {name} belongs to the provider {provider} here: sign in there. To move it, the registry's operator \
         removes that account and the claim of the name (see `_names` in the storage)"
    )]
    NameElsewhere {
        /// The name, as its owner spells it.
        name: String,
        /// The id of the provider that owns it.
        provider: String,
    },
    /// The name has no owner yet, and users of two providers have it.
    #[error(
        "the providers {one} and {other} both have the name {}, and nobody owns it yet: the registry's operator removes \
         it from one of them, then sign in again",
        shown(name)
    )]
    NameDisputed {
        /// The name.
        name: String,
        /// A provider that has it.
        one: String,
        /// Another one.
        other: String,
    },
    /// The name is new, and easily confused with another one.
    #[error(
        "the account name {} ends in a period, a hyphen or an underscore, so it is easily taken for another one: sign in \
         with a name that ends in a letter or a digit",
        shown(name)
    )]
    ConfusingName {
        /// The name.
        name: String,
    },
    /// The request was sent by this registry itself.
    #[error(
        "this request was sent by this registry itself: one of its upstreams leads back here, so the registry's operator \
         corrects the url of that upstream"
    )]
    RequestLoop,
    /// The token does not permit operations on accounts.
    #[error(
        "your token is not for accounts, tokens, organisations and teams: run `npm login`, then try again with the \
         token of that session"
    )]
    TokenForbidsAccount,
    /// The token is for organizations, but not for this one, or not for this operation.
    #[error(
        "your token does not permit to {what} the organisation {organization}: run `npm login`, or make a token with \
         `npm token create --orgs={organization} --orgs-permission=read-write`"
    )]
    TokenForbidsOrganization {
        /// The operation: `see` or `change`.
        what: &'static str,
        /// The organization, which may not exist.
        organization: GroupName,
    },
    /// No provider can change this account.
    #[error("your account is not kept by this registry: change it where you log in")]
    AccountNotOurs,
    /// The token does not exist, or is not the caller's.
    #[error("you have no such token: `npm token list` shows those you have")]
    TokenNotFound,
    /// The token of a build is invalid, or not for this registry.
    #[error("this token cannot be exchanged: {reason}")]
    IdToken {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The token of a build is valid, but the build may not publish the package.
    #[error(
        "this build may not publish {name}: one of its owners says which builds may, with `npm trust`; repository, \
         file of the workflow and environment must be those of this build ({build}). A repository that was renamed or made \
         anew is trusted anew: `npm trust revoke`, then `npm trust`"
    )]
    NotTrusted {
        /// The package, which need not exist.
        name: PackageName,
        /// How the issuer describes the build.
        build: String,
    },
    /// A package trusts one build at a time.
    #[error(
        "{name} has a trusted publisher already: `npm trust list {name}` shows it, and `npm trust revoke {name} --id …` \
         makes room for another"
    )]
    TrustExists {
        /// The package.
        name: PackageName,
    },
    /// The package has no such trust.
    #[error("{name} has no trusted publisher of this id: `npm trust list {name}` shows what it has")]
    TrustNotFound {
        /// The package.
        name: PackageName,
    },
    /// A provider rejects the login, and says why.
    #[error("{reason}")]
    LoginRefused {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The principal may not do this.
    #[error(
        "you do not have permission to {action} {name}: ask one of its owners or the registry's operator"
    )]
    Forbidden {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
    /// The principal may do this, but not with this token.
    #[error(
        "your token does not permit to {action} {name}, though you may: use a token that does, or make one with \
         `npm token create`"
    )]
    TokenForbids {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
    /// The token may not be used to star packages.
    #[error(
        "your token does not permit to star {name}: use one that may write to it, or run `npm login` and use the token of \
         that session"
    )]
    TokenForbidsStar {
        /// The package.
        name: PackageName,
    },
    /// The token may not be used to decide on staged versions.
    #[error(
        "your token is for builds, and a staged version waits for a person: run `npm login` and try again with the \
         token of that session"
    )]
    TokenForbidsApproval,
    /// The staged version does not exist, or the caller may not see it.
    #[error("there is no staged version {id}: `npm stage list` shows those there are")]
    StageNotFound {
        /// Its id.
        id: StageId,
    },
    /// The staged version is already approved.
    #[error(
        "{name}@{version} was approved and is published: it can be rejected no more, only deprecated or unpublished"
    )]
    StageApproved {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// The version was staged before its package was unpublished.
    #[error(
        "{name} was unpublished after {version} was staged, so it cannot be approved: run `npm stage reject {id}`, then \
         publish or stage {version} again if it is still wanted"
    )]
    StagedPackageUnpublished {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The id of the staged version.
        id: StageId,
    },
    /// The staged version was approved, and then unpublished.
    #[error(
        "{name}@{version} was approved and unpublished since, so its number is used up: publish the next version"
    )]
    ApprovedUnpublished {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// The version was published before.
    #[error(
        "You cannot publish over the previously published versions: {version}. A number is never free again, also not after \
         an unpublish: raise the version in package.json"
    )]
    VersionTaken {
        /// The version.
        version: Version,
    },
    /// The version is staged: its number is reserved until it is rejected.
    #[error(
        "{name}@{version} is staged as {id}, so its number is taken: publish it with `npm stage approve ID`, or free the number \
         with `npm stage reject ID`; `npm stage list {name}` shows the ID"
    )]
    VersionStaged {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The id of the staged version.
        id: StageId,
    },
    /// `latest` cannot be removed.
    #[error("the dist-tag latest cannot be removed: set it to another version instead")]
    LatestTag,
    /// A package needs an owner.
    #[error("{name} must keep at least one owner: add another one first")]
    LastOwner {
        /// The package.
        name: PackageName,
    },
    /// The package does not exist, or the caller may not see it.
    #[error("the package {0} does not exist in this registry")]
    PackageNotFound(PackageName),
    /// The package is private and has other owners. The text is that of [`Error::PackageNotFound`].
    #[error("the package {name} does not exist in this registry")]
    Hidden {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
    /// The organization does not exist, or the caller is not a member.
    #[error(
        "the organisation {} does not exist, or you are not in it: ask one of its owners to add you, or make it with \
         `npm org set {} YOUR-NAME` where the registry's operator lets you: by `administer` in the rule for its scope, or \
         by `create` under [organizations]",
        shown(organization),
        shown(organization)
    )]
    OrganizationNotFound {
        /// The name.
        organization: String,
    },
    /// The team does not exist.
    #[error(
        "the organisation {organization} has no team {}: `npm team ls {organization}` shows those it has",
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
        "{} is not in the organisation {organization}: add them with `npm org set {organization} {}` first",
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
        "the team {organization}:{team} was granted nothing of {name}: `npm access list packages {organization}:{team}` \
         shows what it was"
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
        what: &'static str,
        /// The organization.
        organization: GroupName,
        /// The caller's role.
        role: OrganizationRole,
    },
    /// An organization needs an owner.
    #[error("{organization} must keep at least one owner: make somebody else one first")]
    LastOrganizationOwner {
        /// The organization.
        organization: GroupName,
    },
    /// Every member of an organization is in this team.
    #[error(
        "everybody in {organization} is in its team developers, and nobody else can be: change the members of the \
         organisation with `npm org`, or make another team"
    )]
    DevelopersTeam {
        /// The organization.
        organization: GroupName,
    },
    /// The package may only be changed with a second factor, which the caller's token bypasses.
    #[error(
        "{name} is changed with a one-time password only, and your token shows none: log in with `npm login` and publish \
         by hand, or let one of its owners run `npm access set mfa=automation {name}`"
    )]
    TokenWithoutTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The package may only be changed with a second factor, and the caller's account has none.
    #[error(
        "{name} is changed with a one-time password only, and your account has no second factor: set one up with \
         `npm profile enable-2fa`, then try again"
    )]
    NoTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The change would require a second factor for the package, and the caller's account has none.
    #[error(
        "with this setting you could not change {name} any more, since your account has no second factor: run \
         `npm profile enable-2fa` first, then try again"
    )]
    NoTwoFactorToRequire {
        /// The package.
        name: PackageName,
    },
    /// The package was unpublished.
    #[error("Unpublished on {time}: the package {name} does not exist any more")]
    Unpublished {
        /// The package.
        name: PackageName,
        /// When it happened.
        time: String,
    },
    /// The version or tag does not exist.
    #[error("version not found: {selector}")]
    VersionNotFound {
        /// The action.
        selector: String,
    },
    /// The tag does not exist.
    #[error("the dist-tag {} does not exist", shown(tag))]
    TagNotFound {
        /// The tag.
        tag: String,
    },
    /// The account does not exist.
    #[error("the user {} does not exist in this registry", shown(account))]
    AccountNotFound {
        /// The name.
        account: String,
    },
    /// The owner to remove is not an owner.
    #[error("{} is not an owner of {name}", shown(account))]
    NotAnOwner {
        /// The name.
        account: String,
        /// The package.
        name: PackageName,
    },
    /// The change is based on an outdated revision.
    #[error("conflict: the package was changed meanwhile, run the command again")]
    StaleRevision,
    /// Too many concurrent writers for too long.
    #[error("the package is being changed by too many at once: try again in a moment")]
    Busy,
    /// The package was published here while an upstream was about to be asked for it.
    #[error("{name} was published to this registry a moment ago: try again")]
    PublishedMeanwhile {
        /// The package.
        name: PackageName,
    },
    /// The event sink is behind, so the change cannot be recorded.
    #[error(
        "the registry cannot record changes at the moment, so it makes none: try again in a moment, or ask the \
         registry's operator to look at the log"
    )]
    EventsBehind,
    /// The store failed or rejected the request.
    #[error("the registry's storage did not answer: try again in a moment")]
    Store(#[from] BlobError),
    /// The store gave no reliable answer.
    #[error(transparent)]
    Storage(StorageError),
    /// A provider did not answer, or rejected the request.
    #[error("{}", auth_text(.0))]
    Auth(#[from] AuthError),
    /// Stored data cannot be parsed.
    #[error("the stored data of this package is damaged: ask the registry's operator to look at the log")]
    Damaged(#[source] BoxError),
    /// An upstream did not answer, or not usefully.
    #[error("{}", upstream_text(.0))]
    Upstream(#[from] UpstreamError),
    /// A tarball of an upstream exceeds the limit.
    #[error(
        "the tarball is larger than {} MiB, which is the most that this registry takes from {upstream}: ask the \
         registry's operator to raise upstream_tarball_mib", limit >> 20
    )]
    UpstreamTarballTooLarge {
        /// The upstream, as configured.
        upstream: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is unknown whether an upstream has the name.
    #[error(
        "the registry {upstream} behind this one could not tell whether it has {name}, so nothing was published: try \
         again in a moment, or ask the registry's operator to look at the log"
    )]
    NameUnchecked {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
        /// The error of the upstream.
        #[source]
        source: BoxError,
    },
    /// An upstream has no audits.
    #[error(
        "the registry {upstream} behind this one offers no security advisories, so nothing is known of these packages: \
         audit them at a registry that has some"
    )]
    NoAudits {
        /// The upstream, as configured.
        upstream: String,
    },
    /// An upstream failed to return its advisories.
    #[error(
        "the registry {upstream} behind this one could not tell its security advisories, so nothing is known of \
         these packages: try again in a moment, or ask the registry's operator to look at the log"
    )]
    NoAdvisories {
        /// The upstream, as configured.
        upstream: String,
        /// The error of the upstream.
        #[source]
        source: UpstreamError,
    },
    /// Neither this registry nor any upstream signs packages.
    #[error("there are no signing keys: neither this registry nor one behind it signs packages")]
    NoKeys,
    /// The version has no attestations.
    #[error("no attestations of {name}@{version} are known")]
    NoAttestations {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// The name belongs to a package of an upstream.
    #[error(
        "{name} exists in the registry {upstream} that this one stands in front of: publish under another name or scope"
    )]
    NameTakenUpstream {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
    /// The access rules take packages of this name from upstreams.
    #[error(
        "packages of the name {name} are not published here: the registry's rules take them from {upstreams}; publish \
         under another name or scope"
    )]
    NotHostedHere {
        /// The package.
        name: PackageName,
        /// The upstreams, as configured.
        upstreams: String,
    },
    /// The package to change belongs to an upstream.
    #[error(
        "{name} comes from the upstream registry {upstream} and cannot be changed here: change it there, or publish \
         your own package under another name"
    )]
    ComesFromUpstream {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
    /// The name is not valid for a new package.
    #[error("no new package can be called {name}: the name {problem}; choose another name")]
    NameNotForNew {
        /// The new name.
        name: PackageName,
        /// What is wrong with it.
        problem: NewNameError,
    },
    /// The name differs from that of another package only in capitals.
    #[error(
        "the name {name} differs from the package {existing} only in capitals, and would be taken for it: publish to \
         {existing}, or choose another name"
    )]
    NameInOtherCapitals {
        /// The new name.
        name: PackageName,
        /// The package that is hosted here, or was the first to claim the name.
        existing: PackageName,
    },
    /// The name differs from that of a package of an upstream only in capitals.
    #[error(
        "the name {name} differs from {existing} in the upstream registry {upstream} only in capitals: publish under \
         another name or scope"
    )]
    NameInOtherCapitalsUpstream {
        /// The new name.
        name: PackageName,
        /// The package of the upstream.
        existing: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
    /// The error that several waiting callers share.
    #[error("{0}")]
    Shared(#[source] Arc<Error>),
    /// A part of the registry failed.
    #[error("the registry failed to answer: ask its operator to look at the log")]
    Internal(#[source] BoxError),
}

/// Escapes and truncates a client's text for a message, in one line.
fn shown(text: &str) -> String {
    shorten(text).escape_debug().to_string()
}

fn no_account_text(sign_up: bool) -> &'static str {
    if sign_up {
        "If you have no account here, make one with `npm adduser`, or on the page that `npm login` opens"
    } else {
        "If you have no account here: sign-up is off at this registry, so ask its operator for one"
    }
}

fn auth_text(error: &AuthError) -> String {
    match error {
        AuthError::Unacceptable { reason } => reason.clone(),
        AuthError::Unavailable { .. } => {
            "the service that knows the users did not answer: try again in a moment".into()
        }
    }
}

fn upstream_text(error: &UpstreamError) -> Cow<'static, str> {
    let text = match error {
        UpstreamError::Redirect { reason, .. } => {
            let text = format!(
                "the registry that this package comes from {reason}: try again later, or ask the registry's \
                 operator to look at the log"
            );
            return text.into();
        }
        UpstreamError::Elsewhere { host, .. } => {
            let host = shorten(host);
            let text = format!(
                "the registry that this package comes from has it at another host, {host}, and it did not come from \
                 there: if that host may be asked, the operator lists it in the upstream's tarball_hosts"
            );
            return text.into();
        }
        UpstreamError::Unusable { .. } => {
            "the registry that this package comes from sent something unusable: try again later, or ask the \
             registry's operator to look at the log"
        }
        UpstreamError::Loop { .. } => {
            "the registry that this package is to come from is this registry itself, or leads back to it: the \
             registry's operator corrects the url of the upstream"
        }
        UpstreamError::Refused { .. } => {
            "the registry that this package comes from refused to give it: ask the registry's operator to look at \
             the log and at the credential for it"
        }
        _ => "the registry that this package comes from did not answer: try again in a moment",
    };
    text.into()
}

impl Error {
    /// An invalid request, and what to do about it.
    pub(crate) fn request(reason: impl Into<String>) -> Self {
        Self::Request { reason: reason.into() }
    }

    /// An internal failure.
    pub(crate) fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into())
    }

    /// Whether a name is rejected because another provider owns it or has a user with it, or because it is easily
    /// confused with another one.
    pub(crate) fn is_name_of_another(&self) -> bool {
        matches!(self, Self::NameElsewhere { .. } | Self::NameDisputed { .. } | Self::ConfusingName { .. })
    }

    /// Whether an upstream failed.
    pub(crate) fn is_of_upstream(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_of_upstream(),
            error => matches!(error, Self::Upstream(_)),
        }
    }

    /// Whether an upstream was about to be asked for a package that was just published here.
    pub(crate) fn is_published_meanwhile(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_published_meanwhile(),
            error => matches!(error, Self::PublishedMeanwhile { .. }),
        }
    }

    /// Whether the registry failed, rather than its caller: such errors are logged with their source.
    pub fn is_internal(&self) -> bool {
        if let Self::Shared(error) = self {
            return error.is_internal();
        }
        matches!(
            self,
            Self::Store(_)
                | Self::Storage(_)
                | Self::EventsBehind
                | Self::Upstream(_)
                | Self::NoAdvisories { .. }
                | Self::NameUnchecked { .. }
                | Self::Auth(AuthError::Unavailable { .. })
                | Self::Damaged(_)
                | Self::Internal(_)
                | Self::Busy
        )
    }
}

impl From<PackumentError> for Error {
    fn from(error: PackumentError) -> Self {
        let key =
            |key: Key<'_>| key.path().map_or_else(|_| error.name().to_string(), |path| path.to_string());
        let (index, entry) = (key(Key::Packument(error.name())), key(Key::Spelling(&error.name().folded())));
        let what = if error.is_cut_off() { "is empty or cut off" } else { "cannot be read" };
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Self::Damaged(
            format!(
                "{index} {what} ({cause}): restore it from a backup, or free the name by deleting the folder of the package \
                 and {entry}"
            )
            .into(),
        )
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Blob(error) => Self::Store(error),
            error => Self::Storage(error),
        }
    }
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound { name } => Self::PackageNotFound(name),
            EditError::Unpublished { name, time } => Self::Unpublished { name, time },
            EditError::VersionNotFound { selector } => Self::VersionNotFound { selector },
            EditError::VersionTaken { version } => Self::VersionTaken { version },
            EditError::VersionStaged { name, version, id } => Self::VersionStaged { name, version, id },
            EditError::StaleRevision => Self::StaleRevision,
            EditError::TagNotFound { tag } => Self::TagNotFound { tag },
            EditError::Tag(error) => Self::Tag(error),
            EditError::TagOfMissingVersion { tag, version } => Self::request(format!(
                "the tag {tag} cannot name {:?}, which is not a version of the package: run the command again",
                shorten(&version)
            )),
            EditError::Json(error) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<TaskFailed> for Error {
    fn from(error: TaskFailed) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<Contended> for Error {
    fn from(_: Contended) -> Self {
        Self::Busy
    }
}

impl From<BlobPathError> for Error {
    fn from(_: BlobPathError) -> Self {
        Self::request("this name is longer than a store can hold")
    }
}
