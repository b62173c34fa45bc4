use std::sync::Arc;

use http::HeaderName;
use http::request::Parts;

use crate::packages::known_bases::RenderedBase;
use crate::{Error, Registry};

use super::host::{is_host, request_host};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Set on a request by a frontend that stripped the beginning of the path: that beginning, such as `/prod`, the stage
/// of an API Gateway. Without a configured public URL, tarball URLs begin with it. It is used verbatim: it has no
/// trailing slash, and no client controls it.
#[derive(Debug, Clone)]
pub struct PathAbove(pub String);

/// Set on a request by a frontend that received it from a trusted proxy: `X-Forwarded-Host` and `X-Forwarded-Proto` are
/// then honored. Without it, both are ignored.
#[derive(Debug, Clone, Copy)]
pub struct TrustedProxy;

/// Returns the registry's URL as this client reaches it, without a trailing slash.
pub(super) fn base_url(
    registry: &Registry,
    request: &Parts,
    host: Option<&str>,
    under_prefix: bool,
) -> RenderedBase {
    if let Some(public_url) = &registry.parts.http.public_url {
        return RenderedBase::configured(Arc::clone(public_url));
    }
    let is_https = is_from_a_proxy(request)
        && request.headers.get(&FORWARDED_PROTO).is_some_and(|scheme| scheme == "https");
    let scheme = if is_https { "https://" } else { "http://" };
    let host = host.unwrap_or("localhost");
    let settings = &registry.parts.http;
    let prefix = if under_prefix { settings.path_prefix.as_str() } else { "" };
    let above = request.extensions.get::<PathAbove>().map_or("", |above| above.0.as_str());
    settings.bases.get(&[scheme, host, above, &settings.mounted_at, prefix], settings.clock.as_ref())
}

/// Returns the requested host: from a trusted proxy's header, otherwise from the request itself.
pub(super) fn reached_host(request: &Parts) -> Result<Option<&str>, Error> {
    let own = request_host(&request.headers, &request.uri);
    let own = own.map_err(|error| Error::request(error.to_string()))?;
    if !is_from_a_proxy(request) {
        return Ok(own);
    }
    let mut forwarded = request.headers.get_all(&FORWARDED_HOST).iter();
    let (Some(host), another) = (forwarded.next(), forwarded.next()) else { return Ok(own) };
    let host = host.to_str().ok().filter(|host| another.is_none() && is_host(host));
    host.map(Some).ok_or_else(|| {
        Error::request("the X-Forwarded-Host header is not one host name with an optional port")
    })
}

fn is_from_a_proxy(request: &Parts) -> bool {
    request.extensions.get::<TrustedProxy>().is_some()
}
