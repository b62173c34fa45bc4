//! The error type of all operations.
//!
//! ```
//! use registry_core::{Error, domain::PackageName, error::PackageError};
//! let error = Error::from(PackageError::NotFound(PackageName::parse("pear").unwrap()));
//! assert_eq!(error.to_string(), "the package pear does not exist in this registry");
//! ```

mod account;
mod hook;
mod login;
mod new_package;
mod organization;
mod package;
mod permission;
mod policy;
mod proxy;
mod request;
mod stage;
mod trust;

use std::sync::Arc;

use crate::auth::{AuthError, Challenge};
use crate::concurrency::TaskFailed;
use crate::domain::packument::{EditError, PackumentError};
use crate::domain::publication::PublishError;
use crate::domain::shorten::shorten;
use crate::domain::{DistTagError, DownloadPeriodError, GroupNameError, PackageNameError, VersionError};
use crate::limits::LimitExceeded;
use crate::storage::{BlobError, BlobPathError, Contended, Key, StorageError};
use crate::upstream::UpstreamError;
pub use crate::vocabulary::BoxError;
use crate::vocabulary::SignerError;

pub use account::AccountError;
pub use hook::HookError;
pub use login::LoginError;
pub use new_package::NewPackageError;
pub use organization::OrganizationError;
pub use package::PackageError;
pub use permission::PermissionError;
pub use policy::PolicyError;
pub use proxy::ProxyError;
pub use request::RequestError;
pub use stage::StageError;
pub use trust::TrustError;

/// Why an operation failed, or what it needs before it goes on ([`Error::Challenge`]). The text is for the user and discloses no internals, unless [`Error::is_internal`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No failure: the operation changed nothing, and goes on once the caller repeats it with what is asked for. It is neither
    /// logged nor counted as a failure. A login has [`LoginAnswer::Challenge`](crate::accounts::LoginAnswer::Challenge)
    /// in its place.
    #[error("{0}")]
    Challenge(Challenge),
    /// Why a request is rejected before any operation begins.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Why a caller is not signed in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Why an account, its tokens or its second factor are not read or changed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Why a build is not let in, or a trusted publisher not changed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Why the rules or a token reject a caller.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// Why a package is not read or changed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Why no package begins under a name.
    #[error(transparent)]
    NewPackage(#[from] NewPackageError),
    /// Why a staged version is not shown, approved or rejected.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Why an organization or a team is not read or changed.
    #[error(transparent)]
    Organization(#[from] OrganizationError),
    /// Why a hook is not read or changed.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Why a policy refuses versions, or is not changed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Why an upstream gives nothing.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Too many concurrent writers for too long.
    #[error("too many clients are changing the package: try again in a moment")]
    Busy,
    /// The event sink is behind, so the change cannot be recorded.
    #[error(
        "the registry cannot record changes at the moment, so it rejects them: try again in a moment, or ask \
         the registry's operator to look at the log"
    )]
    EventsBehind,
    /// The store failed or rejected the request.
    #[error("the registry's storage did not answer: try again in a moment")]
    Store(#[from] BlobError),
    /// The store gave no reliable answer.
    #[error(transparent)]
    Storage(StorageError),
    /// A version could not be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A provider did not answer, or rejected the request.
    #[error("{}", auth_text(.0))]
    Auth(#[from] AuthError),
    /// Stored data cannot be parsed.
    #[error("the stored data of this package is damaged: ask the registry's operator to look at the log")]
    Damaged(#[source] BoxError),
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

fn auth_text(error: &AuthError) -> String {
    match error {
        AuthError::Unacceptable { reason } => reason.clone(),
        AuthError::Unavailable { .. } => "the sign-in provider did not answer: try again in a moment".into(),
    }
}

impl Error {
    /// An invalid request, and what to do about it.
    pub(crate) fn request(reason: impl Into<String>) -> Self {
        Self::Request(RequestError::Request { reason: reason.into() })
    }

    /// Returns the text for the operator, who ran a command: where a client is sent to the operator and the log, it says what the
    /// operator does. The causes of the error say the rest.
    pub fn text_for_operator(&self) -> String {
        match self {
            Self::Damaged(_) => {
                "its stored data is damaged: run registry-server verify, and restore it from a backup".into()
            }
            Self::Internal(_) => "a part of the registry failed".into(),
            Self::EventsBehind => {
                "the event sinks are behind, so no change is recorded: run the command again when they answer"
                    .into()
            }
            Self::NewPackage(NewPackageError::NameUnchecked { name, upstream, .. }) => format!(
                "the upstream {upstream} of these settings could not tell whether it has {name}: run the command again when it \
                 answers, or permit the name with shadow = true in its rule"
            ),
            Self::Policy(PolicyError::AdvisoriesUnreadable { source }) => format!(
                "the stored advisories cannot be used, since {source}: restore _advisories/ from a backup, or run \
                 `registry-server advisories update --begin-anew`"
            ),
            Self::Proxy(ProxyError::Upstream(error)) => error.to_string(),
            Self::Shared(error) => error.text_for_operator(),
            other => other.to_string(),
        }
    }

    /// Returns the error of the store behind this one, if there is one.
    pub(crate) fn store_error(&self) -> Option<&BlobError> {
        match self {
            Self::Shared(error) => error.store_error(),
            Self::Store(error) => Some(error),
            Self::Storage(error) => match error.root() {
                StorageError::Blob(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// An internal failure.
    pub(crate) fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into())
    }

    /// Whether a name is rejected because another provider owns it or has a user with it, or because it is easily
    /// confused with another one.
    pub(crate) fn is_name_of_another(&self) -> bool {
        matches!(
            self,
            Self::Login(
                LoginError::NameElsewhere { .. }
                    | LoginError::NameDisputed { .. }
                    | LoginError::NameReserved { .. }
                    | LoginError::ConfusingName { .. }
            )
        )
    }

    /// Whether an upstream failed.
    pub(crate) fn is_of_upstream(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_of_upstream(),
            error => matches!(error, Self::Proxy(ProxyError::Upstream(_))),
        }
    }

    /// Whether an upstream answered and rejects this registry, so that a retry would not help.
    pub(crate) fn is_refusal_of_upstream(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_refusal_of_upstream(),
            error => matches!(error, Self::Proxy(ProxyError::Upstream(UpstreamError::Refused { .. }))),
        }
    }

    /// Whether an upstream was about to be asked for a package that was just published here.
    pub(crate) fn is_published_meanwhile(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_published_meanwhile(),
            error => matches!(error, Self::Proxy(ProxyError::PublishedMeanwhile { .. })),
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
                | Self::Signer(_)
                | Self::Policy(PolicyError::ListUnreadable { .. } | PolicyError::AdvisoriesUnreadable { .. })
                | Self::Proxy(ProxyError::Upstream(_) | ProxyError::NoAdvisories { .. })
                | Self::NewPackage(NewPackageError::NameUnchecked { .. })
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
            EditError::NotFound { name } => Self::Package(PackageError::NotFound(name)),
            EditError::Unpublished { name, time } => Self::Package(PackageError::Unpublished { name, time }),
            EditError::VersionNotFound { selector } => {
                Self::Package(PackageError::VersionNotFound { selector })
            }
            EditError::VersionTaken { version } => Self::Package(PackageError::VersionTaken { version }),
            EditError::VersionStaged { name, version, id } => {
                Self::Package(PackageError::VersionStaged { name, version, id })
            }
            EditError::StaleRevision => Self::Package(PackageError::StaleRevision),
            EditError::TagNotFound { tag } => Self::Package(PackageError::TagNotFound { tag }),
            EditError::Tag(error) => Self::Request(RequestError::Tag(error)),
            EditError::TagOfMissingVersion { tag, version } => Self::request(format!(
                "the tag {tag} cannot name {:?}, which is not a version of the package: run the command again",
                shorten(&version)
            )),
            EditError::Json(error) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<PackageNameError> for Error {
    fn from(error: PackageNameError) -> Self {
        Self::Request(error.into())
    }
}

impl From<VersionError> for Error {
    fn from(error: VersionError) -> Self {
        Self::Request(error.into())
    }
}

impl From<DistTagError> for Error {
    fn from(error: DistTagError) -> Self {
        Self::Request(error.into())
    }
}

impl From<DownloadPeriodError> for Error {
    fn from(error: DownloadPeriodError) -> Self {
        Self::Request(error.into())
    }
}

impl From<GroupNameError> for Error {
    fn from(error: GroupNameError) -> Self {
        Self::Request(error.into())
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        Self::Request(error.into())
    }
}

impl From<LimitExceeded> for Error {
    fn from(error: LimitExceeded) -> Self {
        Self::Request(error.into())
    }
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        Self::Proxy(error.into())
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
