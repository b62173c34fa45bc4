use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use http::{HeaderValue, Response, StatusCode};

use crate::domain::PackageName;
use crate::upstream::PackumentForm;

use super::answer::json_bytes;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;
use super::{conditional, negotiation};

/// Below this, compression saves less than its headers cost.
const WORTH_COMPRESSING: usize = 1024;

impl Call<'_> {
    pub(super) async fn packument(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let form = negotiation::packument_form(self.header(ACCEPT));
        let base = self.base_url()?;
        let representation = self.registry.packument(&self.caller, &name, form, &base).await?;
        let compressed = representation.identity.len() >= WORTH_COMPRESSING
            && negotiation::accepts_gzip(self.header(ACCEPT_ENCODING));
        let (bytes, etag) = if compressed {
            (&representation.gzip, &representation.gzip_etag)
        } else {
            (&representation.identity, &representation.etag)
        };
        let unchanged = conditional::not_modified(
            self.header(IF_NONE_MATCH),
            self.header(IF_MODIFIED_SINCE),
            etag,
            representation.last_modified,
        );

        let mut response = Response::new(Body::from(if unchanged { Bytes::new() } else { bytes.clone() }));
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let length = bytes.len();
        let headers = response.headers_mut();
        if !unchanged {
            headers.reserve(7);
        }
        if let Ok(etag) = HeaderValue::from_str(etag) {
            headers.insert(ETAG, etag);
        }
        if let Some(time) = representation.last_modified.and_then(conditional::http_date) {
            headers.insert(LAST_MODIFIED, time);
        }
        let is_public = self.registry.is_public(&name) && !representation.audience.is_restricted();
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static(if is_public { "no-cache" } else { "private, no-cache" }),
        );
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
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
        let base = self.base_url()?;
        let manifest = self.registry.manifest(&self.caller, &name, selector, &base).await?;
        Ok(json_bytes(StatusCode::OK, manifest))
    }
}
