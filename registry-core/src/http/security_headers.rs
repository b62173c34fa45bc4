use http::header::{STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};

/// What every answer says to browsers: that its type is the one it says, and where everybody reaches the registry over
/// HTTPS, that they are to come that way for the next year.
pub(super) fn secure(headers: &mut HeaderMap, public_url: Option<&str>) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if public_url.is_some_and(|url| url.starts_with("https:")) {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
