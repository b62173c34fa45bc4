use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::domain::PackageName;
use crate::domain::packument::Revision;

use super::body::Body;

/// A JSON answer that must not be cached.
pub(super) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    json_bytes(status, value.to_string().into_bytes())
}

/// Like [`json_response`], from serialized JSON.
pub(super) fn json_bytes(status: StatusCode, json: impl Into<Bytes>) -> Response<Body> {
    let json = json.into();
    let length = json.len();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The answer to a successful write. Some clients require `ok`, others `success`.
pub(super) fn done(status: StatusCode, name: &PackageName, revision: Option<&Revision>) -> Response<Body> {
    let mut answer = json!({ "ok": true, "success": true, "id": name });
    if let Some(revision) = revision {
        answer["rev"] = revision.to_string().into();
    }
    json_response(status, &answer)
}
