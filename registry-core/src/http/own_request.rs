use http::header::VIA;
use http::request::Parts;

use crate::error::RequestError;
use crate::{Error, Registry};

/// Rejects a request that this registry sent to an upstream and that returned to it through a proxy: it would loop
/// forever. RFC 9110, section 7.6.3, defines `Via` for this.
pub(super) fn refuse_own_request(registry: &Registry, request: &Parts) -> Result<(), Error> {
    let mut fields = request.headers.get_all(VIA).iter().peekable();
    if fields.peek().is_none() {
        return Ok(());
    }
    let Some(own) = registry.parts.store.name_in_via() else { return Ok(()) };
    let mut hops = fields.filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(','));
    // A hop consists of a protocol, the recipient of the request, and optionally a comment.
    if hops.any(|hop| hop.split_whitespace().nth(1) == Some(&*own)) {
        Err(Error::Request(RequestError::RequestLoop))
    } else {
        Ok(())
    }
}
