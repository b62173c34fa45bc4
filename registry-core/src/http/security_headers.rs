use http::header::{STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};

/// Adds the security headers of every answer: no content sniffing, and one year of strict transport security if the
/// public URL is HTTPS.
pub(super) fn secure(headers: &mut HeaderMap, public_url: Option<&str>) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if public_url.is_some_and(|url| url.starts_with("https:")) {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
