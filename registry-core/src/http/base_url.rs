use std::sync::Arc;

use http::HeaderName;
use http::header::HOST;
use http::request::Parts;

use crate::{Error, Registry};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Set on a request by a frontend that took the beginning of the path away: that beginning, such as `/prod`, the stage of
/// an API Gateway. Where no public URL is configured, tarball URLs begin with it. It is taken as it is: no slash at the
/// end, and nothing in it that a client chose.
#[derive(Debug, Clone)]
pub struct PathAbove(pub String);

/// The registry's URL as this client reaches it, without a slash at its end.
pub(super) fn base_url(registry: &Registry, request: &Parts, under_prefix: bool) -> Result<Arc<str>, Error> {
    if let Some(public_url) = &registry.parts.public_url {
        return Ok(Arc::clone(public_url));
    }
    let header = |name: &HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
    // A frontend takes these headers away unless they come from a proxy that it trusts.
    let scheme = match header(&FORWARDED_PROTO) {
        Some("https") => "https://",
        _ => "http://",
    };
    let host = header(&FORWARDED_HOST).or_else(|| header(&HOST));
    let host =
        host.or_else(|| request.uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost");
    if !is_host(host) {
        return Err(Error::request("the Host header is not a host name with an optional port"));
    }
    let prefix = if under_prefix { registry.parts.path_prefix.as_str() } else { "" };
    let above = request.extensions.get::<PathAbove>().map_or("", |above| above.0.as_str());
    Ok([scheme, host, above, prefix].concat().into())
}

/// Whether the text is a host and port, and so can stand in a URL and in JSON as it is.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}
