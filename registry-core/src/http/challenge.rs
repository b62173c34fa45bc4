use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, Response, StatusCode};
use serde_json::json;

use super::answer::json_response;
use super::body::Body;

/// What clients print when they ask for a one-time password.
const NOTICE: &str = "Enter the digits that your authenticator app shows, or a recovery code.";

/// Asks a client for a one-time password. All clients know the challenge by `otp` in small letters, and by the words
/// "one-time pass" in `text`.
pub(super) fn one_time_password_challenge(text: &str) -> Response<Body> {
    let mut response = json_response(StatusCode::UNAUTHORIZED, &json!({ "error": text, "message": text }));
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("otp"));
    headers.insert(HeaderName::from_static("npm-notice"), HeaderValue::from_static(NOTICE));
    response
}
