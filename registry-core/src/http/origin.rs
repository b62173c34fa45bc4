use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderName, Method};

use crate::error::RequestError;
use crate::{Error, Registry};

use super::host::is_same_host;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects a request that may change something and that a browser sent for a page of another site. Browsers add these
/// headers themselves and no page can choose them; npm clients send neither.
pub(super) fn check_origin(registry: &Registry, request: &Parts, host: Option<&str>) -> Result<(), Error> {
    if matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if request.headers.get_all(FETCH_SITE).iter().any(|site| site == "cross-site") {
        return Err(Error::Request(RequestError::ForeignOrigin));
    }
    let own = match registry.parts.http.public_url.as_deref().and_then(|url| url.split_once("://")) {
        Some((_, rest)) => rest.split('/').next(),
        None => host,
    };
    let is_own = |origin: &str| match (origin.split_once("://"), own) {
        (Some(("http" | "https", origin)), Some(own)) => is_same_host(origin, own),
        _ => false,
    };
    for origin in request.headers.get_all(ORIGIN) {
        if !origin.to_str().is_ok_and(is_own) {
            return Err(Error::Request(RequestError::ForeignOrigin));
        }
    }
    Ok(())
}
