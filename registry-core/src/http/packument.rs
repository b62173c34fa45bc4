use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, USER_AGENT, VARY,
};
use http::{HeaderValue, Response, StatusCode};

use crate::Error;
use crate::domain::{PackageName, Version};
use crate::upstream::PackumentForm;

use super::answer::json_bytes;
use super::body::Body;
use super::error_status::operation_status;
use super::handle::Call;
use super::status::{Failure, add_notice};
use super::{conditional, negotiation};

/// Below this size, compression saves less than its headers cost.
const WORTH_COMPRESSING: usize = 1024;

impl Call<'_> {
    pub(super) async fn packument(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let form = negotiation::packument_form(self.header(ACCEPT));
        let base = self.rendered_base();
        let representation = self.registry.packument(&self.caller, &name, form, &base.rendered).await?;
        let rare_etag = (!base.is_known()).then(|| representation.etag_with(&base));
        let compressed = rare_etag.is_none()
            && representation.identity.len() >= WORTH_COMPRESSING
            && negotiation::accepts_gzip(self.header(ACCEPT_ENCODING));
        let (bytes, etag) = if compressed {
            (&representation.gzip, &representation.gzip_etag)
        } else {
            (&representation.identity, rare_etag.as_ref().unwrap_or(&representation.etag))
        };
        let now = self.registry.parts.http.clock.now();
        let unchanged = conditional::not_modified(
            self.header(IF_NONE_MATCH),
            self.header(IF_MODIFIED_SINCE),
            etag,
            representation.last_modified,
            || now,
        );

        let bytes = if unchanged {
            Bytes::new()
        } else {
            self.registry.packages().with_base(bytes.clone(), &base).await?
        };
        let length = bytes.len();
        let mut response = Response::new(Body::from(bytes));
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        if !unchanged {
            headers.reserve(7);
        }
        if let Ok(etag) = HeaderValue::from_str(etag) {
            headers.insert(ETAG, etag);
        }
        // A client that has this state and later sends its date must not miss another change in the same second.
        let is_settled = representation.last_modified.is_some_and(|time| conditional::is_settled(time, now));
        let date = representation.last_modified_header.as_deref().filter(|_| is_settled);
        if let Some(Ok(date)) = date.map(HeaderValue::from_str) {
            headers.insert(LAST_MODIFIED, date);
        }
        // Every caller may read what an anonymous caller received.
        let is_public = (self.caller.principal.is_none() || self.registry.authorization().is_public(&name))
            && !representation.audience.is_restricted();
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static(if is_public { "no-cache" } else { "private, no-cache" }),
        );
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        let is_npm = self.header(USER_AGENT).is_some_and(|client| client.starts_with("npm/"));
        let notice = || self.registry.name_notice(&name).or_else(|| representation.policy_notice(&name));
        if let Some(notice) = is_npm.then(notice).flatten() {
            add_notice(headers, &notice);
            // npm shows no notice of a cacheable answer.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if !unchanged {
            let media_type = match form {
                PackumentForm::Full => "application/json",
                PackumentForm::Abbreviated => negotiation::ABBREVIATED_MEDIA_TYPE,
            };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            headers.insert(CONTENT_LENGTH, length.into());
            if compressed {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        Ok(response)
    }

    pub(super) async fn manifest(self, name: PackageName, selector: &str) -> Result<Response<Body>, Failure> {
        let base = self.rendered_base();
        let manifest = self.registry.manifest(&self.caller, &name, selector, &base.rendered).await;
        let manifest = manifest.map_err(|error| misdirected(error, selector, &base.url))?;
        let manifest = self.registry.packages().with_base(manifest.into(), &base).await?;
        Ok(json_bytes(StatusCode::OK, manifest))
    }
}

/// Adds the URL of the registry to a 404 where the selector may be the name of a package: with the URL `…/npm/`, clients ask for
/// `pear` at `/npm/pear`, which is a version of the package `npm`.
fn misdirected(error: Error, selector: &str, registry: &Arc<str>) -> Failure {
    let is_a_name =
        PackageName::parse(selector).is_ok() && Version::parse(selector).is_err() && selector != "latest";
    if is_a_name && operation_status(&error) == StatusCode::NOT_FOUND {
        Failure::Misdirected { error, registry: Arc::clone(registry) }
    } else {
        error.into()
    }
}
