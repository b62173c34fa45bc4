use crate::error::{
    AccountError, LoginError, NewPackageError, OrganizationError, PackageError, PermissionError, ProxyError,
    RequestError, StageError, TrustError,
};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::Error;
use crate::auth::AuthError;
use crate::domain::TarballError;
use crate::domain::publication::PublishError;
use crate::storage::{BlobError, StorageError};

use crate::upstream::UpstreamError;

use super::answer::json_response;
use super::body::Body;
use super::route::RouteError;

/// The header that npm prints next to the outcome of its command.
pub(super) const NOTICE: HeaderName = HeaderName::from_static("npm-notice");

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// No route matches.
    Route(RouteError),
    /// The operation rejected the request or failed.
    Operation(Error),
    /// No version is found for what may be the name of a package below a registry URL with a surplus path.
    Misdirected {
        /// What the operation says of it.
        error: Error,
        /// The URL of the registry, without a slash at its end.
        registry: Arc<str>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Operation(error)
    }
}

/// The only mapping from errors to status codes.
pub(super) fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Route(error) => match error {
            RouteError::NotFound => StatusCode::NOT_FOUND,
            RouteError::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            RouteError::TooLong => StatusCode::URI_TOO_LONG,
            RouteError::Name(_)
            | RouteError::Tag(_)
            | RouteError::Encoding
            | RouteError::Traversal
            | RouteError::Character => StatusCode::BAD_REQUEST,
        },
        Failure::Operation(error) | Failure::Misdirected { error, .. } => operation_status(error),
    }
}

pub(super) fn operation_status(error: &Error) -> StatusCode {
    match error {
        Error::Shared(error) => operation_status(error),
        Error::Request(RequestError::Publish(error)) => publish_status(error),
        Error::Request(
            RequestError::Limit(_) | RequestError::TooLarge { .. } | RequestError::PublishTooLarge { .. },
        ) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Request(
            RequestError::Name(_)
            | RequestError::Version(_)
            | RequestError::Tag(_)
            | RequestError::GroupName(_)
            | RequestError::Request { .. }
            | RequestError::SearchTextMissing,
        )
        | Error::NewPackage(NewPackageError::NameNotForNew { .. })
        | Error::Package(PackageError::LatestTag | PackageError::LastOwner { .. })
        | Error::Login(LoginError::NoSignUp | LoginError::NameTaken)
        | Error::Organization(
            OrganizationError::LastOrganizationOwner { .. } | OrganizationError::DevelopersTeam { .. },
        )
        | Error::Auth(AuthError::Unacceptable { .. }) => StatusCode::BAD_REQUEST,
        Error::Permission(PermissionError::AuthenticationRequired)
        | Error::Login(
            LoginError::InvalidCredential
            | LoginError::TokenExpired { .. }
            | LoginError::AddressNotPermitted
            | LoginError::WrongPassword
            | LoginError::WrongPasswordOrNoAccount { .. }
            | LoginError::WrongPasswordForAnyAccount { .. }
            | LoginError::WebLoginRejected { .. }
            | LoginError::WrongOwnPassword
            | LoginError::DeviceLogin { .. }
            | LoginError::OneTimePasswordRequired
            | LoginError::WrongOneTimePassword,
        )
        | Error::Trust(TrustError::IdToken { .. } | TrustError::NotTrusted { .. }) => {
            StatusCode::UNAUTHORIZED
        }
        // With 400 npm reports an unknown user, with 401 a bad token, and neither shows the reason.
        Error::Login(LoginError::Rejected { .. }) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Login(
            LoginError::TooManyFailures { .. }
            | LoginError::TooManySignUps { .. }
            | LoginError::TooManyRequests { .. },
        ) => StatusCode::TOO_MANY_REQUESTS,
        Error::Request(RequestError::ForeignOrigin)
        | Error::Login(
            LoginError::WebLoginElsewhere
            | LoginError::WebLoginForm
            | LoginError::NameElsewhere { .. }
            | LoginError::NameDisputed { .. }
            | LoginError::ConfusingName { .. },
        )
        | Error::Permission(
            PermissionError::Forbidden { .. }
            | PermissionError::TokenForbids { .. }
            | PermissionError::TokenForbidsStar { .. }
            | PermissionError::TokenForbidsApproval,
        )
        | Error::Account(
            AccountError::TokenForbidsAccount
            | AccountError::AccountNotOurs
            | AccountError::TokenWithoutTwoFactor { .. }
            | AccountError::NoTwoFactor { .. }
            | AccountError::NoTwoFactorToRequire { .. },
        )
        | Error::Organization(
            OrganizationError::TokenForbidsOrganization { .. } | OrganizationError::RoleForbids { .. },
        )
        | Error::Package(PackageError::VersionTaken { .. } | PackageError::VersionStaged { .. })
        | Error::NewPackage(
            NewPackageError::NameTakenUpstream { .. }
            | NewPackageError::NotHostedHere { .. }
            | NewPackageError::NameInOtherCapitals { .. }
            | NewPackageError::NameInOtherCapitalsUpstream { .. },
        )
        | Error::Proxy(
            ProxyError::TarballTooLarge { .. }
            | ProxyError::NoAdvisories { source: UpstreamError::Refused { .. }, .. }
            | ProxyError::ComesFromUpstream { .. },
        ) => StatusCode::FORBIDDEN,
        Error::Package(
            PackageError::NotFound(_)
            | PackageError::Unpublished { .. }
            | PackageError::VersionNotFound { .. }
            | PackageError::TagNotFound { .. }
            | PackageError::NotAnOwner { .. },
        )
        | Error::Permission(PermissionError::Hidden { .. })
        | Error::Organization(
            OrganizationError::NotFound { .. }
            | OrganizationError::TeamNotFound { .. }
            | OrganizationError::NotAMember { .. }
            | OrganizationError::NotInTeam { .. }
            | OrganizationError::NotGranted { .. },
        )
        | Error::Proxy(
            ProxyError::NoKeys | ProxyError::NoAudits { .. } | ProxyError::NoAttestations { .. },
        )
        | Error::Account(AccountError::NotFound { .. } | AccountError::TokenNotFound)
        | Error::Login(LoginError::WebLoginOff | LoginError::WebLoginGone)
        | Error::Stage(StageError::NotFound { .. })
        | Error::Trust(TrustError::NotFound { .. }) => StatusCode::NOT_FOUND,
        Error::Package(PackageError::StaleRevision)
        | Error::Trust(TrustError::Exists { .. })
        | Error::Stage(
            StageError::Approved { .. }
            | StageError::StagedPackageUnpublished { .. }
            | StageError::ApprovedUnpublished { .. },
        ) => StatusCode::CONFLICT,
        Error::Storage(error) => storage_status(error),
        Error::Busy
        | Error::Proxy(ProxyError::PublishedMeanwhile { .. })
        | Error::EventsBehind
        | Error::Store(BlobError::Unavailable { .. })
        | Error::NewPackage(NewPackageError::NameUnchecked { .. })
        | Error::Auth(AuthError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Request(RequestError::RequestLoop) => StatusCode::LOOP_DETECTED,
        Error::Proxy(ProxyError::Upstream(error) | ProxyError::NoAdvisories { source: error, .. }) => {
            upstream_status(error)
        }
        // A retry would not help.
        Error::Store(_) | Error::Damaged(_) | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn storage_status(error: &StorageError) -> StatusCode {
    match error.root() {
        // A retry would not help.
        StorageError::Blob(BlobError::Refused { .. } | BlobError::Stream { .. }) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn publish_status(error: &PublishError) -> StatusCode {
    match error {
        PublishError::Limit(_)
        | PublishError::Tarball(
            TarballError::UnpackedTooLarge { .. } | TarballError::TooManyEntries { .. },
        ) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn upstream_status(error: &UpstreamError) -> StatusCode {
    match error {
        UpstreamError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        UpstreamError::Loop { .. } => StatusCode::LOOP_DETECTED,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// The authentication scheme by which clients distinguish the reasons for a 401.
fn scheme(failure: &Failure) -> &'static str {
    match failure {
        Failure::Operation(Error::Login(LoginError::AddressNotPermitted)) => "ipaddress",
        // With `Bearer`, npm reports a bad token.
        Failure::Operation(Error::Login(LoginError::WrongOwnPassword)) => "Basic",
        _ => "Bearer",
    }
}

/// The seconds after which a retry may help: as the upstream said, but no longer than clients tolerate.
fn retry_after(failure: &Failure) -> u64 {
    const SOON: u64 = 1;
    const LONGEST: u64 = 60;
    let Failure::Operation(error) = failure else { return SOON };
    let asked = asked_to_wait(error).unwrap_or_default();
    // Rounded up: a client that returns a moment too early is rejected again.
    (asked.as_secs() + u64::from(asked.subsec_nanos() > 0)).clamp(SOON, LONGEST)
}

fn asked_to_wait(error: &Error) -> Option<Duration> {
    match error {
        Error::Shared(error) => asked_to_wait(error),
        Error::Proxy(
            ProxyError::Upstream(UpstreamError::Unavailable { retry_after, .. })
            | ProxyError::NoAdvisories { source: UpstreamError::Unavailable { retry_after, .. }, .. },
        ) => *retry_after,
        _ => None,
    }
}

/// The text of a failure. Internal failures are logged here, once, and not disclosed.
pub(super) fn told(failure: &Failure) -> String {
    match failure {
        Failure::Route(error) => error.to_string(),
        Failure::Operation(error) => {
            if error.is_internal() {
                tracing::error!(error = causes(error), "a request failed");
            }
            error.to_string()
        }
        Failure::Misdirected { error, registry } => {
            format!("{error}. Is the registry URL right? This registry answers at {registry}/")
        }
    }
}

/// The causes of an internal failure, for the log. The error's own text is for the client, and may refer its user to
/// this log.
fn causes(error: &Error) -> String {
    if let Error::Shared(error) = error {
        return causes(error);
    }
    let first = std::error::Error::source(error);
    let causes: Vec<_> =
        std::iter::successors(first, |cause| cause.source()).map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// The seconds that a client should wait before a retry, if that may help.
pub(super) fn wait(failure: &Failure) -> Option<u64> {
    match failure {
        Failure::Operation(Error::Login(
            LoginError::TooManyFailures { seconds }
            | LoginError::TooManySignUps { seconds }
            | LoginError::TooManyRequests { seconds },
        )) => Some(*seconds),
        _ => (status(failure) == StatusCode::SERVICE_UNAVAILABLE).then(|| retry_after(failure)),
    }
}

/// Adds a text that npm prints next to the outcome of its command.
pub(super) fn add_notice(headers: &mut HeaderMap, text: &str) {
    // A text that is not a valid header value is omitted: the body has it.
    if let Ok(notice) = HeaderValue::from_str(text) {
        headers.insert(NOTICE, notice);
    }
}

/// Renders the response for a failure.
pub(super) fn failure_response(failure: &Failure) -> Response<Body> {
    let text = told(failure);
    let status = status(failure);
    let mut answer = json!({ "error": text, "message": text });
    if let Failure::Operation(Error::Request(RequestError::SearchTextMissing)) = failure {
        // npm's registry has a code for this error.
        answer["code"] = "ERR_TEXT_MISSING".into();
    }
    let mut response = json_response(status, &answer);
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme(failure)));
        // npm prints its own sentence in place of this answer's body, and the notice.
        if let Failure::Operation(
            Error::Permission(PermissionError::AuthenticationRequired)
            | Error::Login(
                LoginError::InvalidCredential
                | LoginError::TokenExpired { .. }
                | LoginError::WrongPassword
                | LoginError::WrongPasswordOrNoAccount { .. }
                | LoginError::WrongPasswordForAnyAccount { .. },
            ),
        ) = failure
        {
            add_notice(headers, &text);
        }
    }
    if let Some(seconds) = wait(failure) {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Failure::Route(RouteError::MethodNotAllowed { allow }) = failure {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
