use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::body::Body;

/// Excludes all crawlers: a registry has nothing to index.
const NOTHING: &str = "User-agent: *\nDisallow: /\n";

/// Answers `/robots.txt` (RFC 9309).
pub(super) fn robots() -> Response<Body> {
    let mut response = Response::new(Body::from(NOTHING));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
