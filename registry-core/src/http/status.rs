use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::Error;
use crate::error::{LoginError, PermissionError, ProxyError, RequestError};
use crate::upstream::UpstreamError;

use super::answer::json_response;
use super::body::Body;
use super::error_status::operation_status;
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

/// The status of a failure.
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
            | RouteError::Token
            | RouteError::Character => StatusCode::BAD_REQUEST,
        },
        Failure::Operation(error) | Failure::Misdirected { error, .. } => operation_status(error),
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
