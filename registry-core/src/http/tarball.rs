use futures::StreamExt as _;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    LOCATION, RANGE,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::domain::{PackageName, Version};
use crate::packages::tarball_redirect::TarballRedirect;
use crate::storage::{BlobRange, OpenBlob};

use super::body::Body;
use super::conditional;
use super::handle::Call;
use super::range::{self, RangeRequest};
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn tarball(
        self,
        name: PackageName,
        version: Version,
    ) -> Result<Response<Body>, Failure> {
        let tarball = self.registry.find_tarball(&self.caller, &name, &version).await?;
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.reserve(6);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(tarball.cache_control()));
        if let Ok(etag) = HeaderValue::from_str(&tarball.etag) {
            headers.insert(ETAG, etag);
        }
        let now = || self.registry.parts.http.clock.now();
        if conditional::not_modified(self.header(IF_NONE_MATCH), None, &tarball.etag, None, now) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }

        let range = self.header(RANGE).filter(|_| self.request.method == Method::GET);
        let mut blob = if range.is_none() && self.request.method != Method::HEAD {
            self.registry.open_tarball(&tarball, None).await?
        } else {
            // Only the length is needed until the range is known.
            self.registry.open_tarball(&tarball, Some(BlobRange { start: 0, end: Some(0) })).await?
        };
        let length = blob.length;
        let asked = range::parse(range, self.header(IF_RANGE), &tarball.etag, length);
        // A part is no download: it may be one byte, or the rest of what was counted before.
        let is_download = self.request.method == Method::GET
            && match asked {
                RangeRequest::Whole => true,
                RangeRequest::Part { start, end_inclusive } => start == 0 && end_inclusive + 1 == length,
                RangeRequest::Unsatisfiable => false,
            };
        // The signature is valid for GET alone, so a HEAD is answered here.
        if self.request.method == Method::GET
            && let Some(redirect) = self.registry.redirect_of(&tarball, length).await?
        {
            // An unread stream would block the one into the store.
            drop(blob);
            self.registry.keep_tarball(&tarball).await?;
            if is_download {
                self.registry.count_download(&self.caller, &tarball);
            }
            return Ok(found_elsewhere(&redirect));
        }
        let mut sent = length;
        match asked {
            RangeRequest::Whole if range.is_some() => {
                blob = self.registry.open_tarball(&tarball, None).await?;
            }
            RangeRequest::Whole => {}
            RangeRequest::Unsatisfiable => {
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                set_content_range(&mut response, &format!("bytes */{length}"));
                response.headers_mut().insert(CONTENT_LENGTH, 0.into());
                return Ok(response);
            }
            RangeRequest::Part { start, end_inclusive } => {
                let part = BlobRange { start, end: Some(end_inclusive + 1) };
                blob = self.registry.open_tarball(&tarball, Some(part)).await?;
                sent = end_inclusive + 1 - start;
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                set_content_range(&mut response, &format!("bytes {start}-{end_inclusive}/{length}"));
            }
        }
        if is_download {
            self.registry.count_download(&self.caller, &tarball);
        }
        response.headers_mut().insert(CONTENT_LENGTH, sent.into());
        *response.body_mut() = into_body(blob, sent);
        Ok(response)
    }
}

/// A 302 without any headers of the tarball itself.
fn found_elsewhere(redirect: &TarballRedirect) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    // Neither can fail: a URL and a number are plain text.
    if let Ok(location) = HeaderValue::from_str(redirect.url.as_str()) {
        headers.insert(LOCATION, location);
    }
    if let Ok(keep) = HeaderValue::from_str(&format!("private, max-age={}", redirect.keep.as_secs())) {
        headers.insert(CACHE_CONTROL, keep);
    }
    headers.insert(CONTENT_LENGTH, 0.into());
    response
}

fn into_body(blob: OpenBlob, length: u64) -> Body {
    Body::stream(blob.stream.map(|chunk| chunk.map_err(Into::into)).boxed(), length)
}

fn set_content_range(response: &mut Response<Body>, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
}
