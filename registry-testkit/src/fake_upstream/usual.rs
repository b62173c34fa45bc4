use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use http::{HeaderValue, Method, Response, StatusCode};
use registry_core::domain::{Integrity, PackageName};
use registry_core::upstream::PackumentForm;
use serde_json::{Value, json};

use super::FakeRequest;
use crate::conformance::ServedPackages;

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
const CHANGED_AT: HeaderValue = HeaderValue::from_static("Fri, 02 Jan 2026 03:04:05 GMT");

/// What a good registry answers.
pub(super) fn answer(request: &FakeRequest, served: &ServedPackages, base_url: &str) -> Response<Bytes> {
    if request.method == Method::POST && request.path == "/-/npm/v1/security/advisories/bulk" {
        return in_json(request, "application/json", &json!({}));
    }
    if request.method != Method::GET {
        return error(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request.path.as_str() {
        "/-/v1/search" => in_json(request, "application/json", &found(request, served)),
        "/-/all" => in_json(request, "application/json", &all(served)),
        "/-/npm/v1/keys" => in_json(request, "application/json", &json!({ "keys": [] })),
        path => packument(request, served, base_url)
            .or_else(|| served.tarball(path).map(|tarball| Response::new(tarball.clone())))
            .unwrap_or_else(|| error(StatusCode::NOT_FOUND)),
    }
}

fn packument(request: &FakeRequest, served: &ServedPackages, base_url: &str) -> Option<Response<Bytes>> {
    let name = request.path.strip_prefix('/')?.replace("%2f", "/");
    let package = served.find(&PackageName::parse(&name).ok()?)?;
    let (form, media_type) = if header(request, &ACCEPT).contains(ABBREVIATED) {
        (PackumentForm::Abbreviated, ABBREVIATED)
    } else {
        (PackumentForm::Full, "application/json")
    };
    Some(in_json(request, media_type, &package.packument(base_url, form)))
}

/// Every package by its name, beside the time of the list.
fn all(served: &ServedPackages) -> Value {
    let packages = served.0.iter().map(|package| (package.name.to_string(), json!({ "name": package.name })));
    packages.chain([("_updated".to_owned(), json!(1_767_323_045_000_u64))]).collect()
}

fn found(request: &FakeRequest, served: &ServedPackages) -> Value {
    let query = request.query.as_deref().unwrap_or_default().as_bytes();
    let text = url::form_urlencoded::parse(query).find(|(key, _)| key == "text");
    let text = text.map(|(_, text)| text.into_owned()).unwrap_or_default();
    let packages = served.0.iter().filter(|package| package.name.as_str().contains(&text));
    let objects: Vec<_> = packages
        .map(|package| {
            let version = package.versions.last().map(|served| &served.version);
            json!({ "package": { "name": package.name, "version": version, "maintainers": [] } })
        })
        .collect();
    json!({ "total": objects.len(), "objects": objects, "time": "2026-01-02T03:04:05.000Z" })
}

/// With validators, and compressed for who asks for that.
fn in_json(request: &FakeRequest, media_type: &'static str, body: &Value) -> Response<Bytes> {
    let mut bytes = body.to_string().into_bytes();
    let etag = format!("\"{}\"", Integrity::of(&bytes));
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(LAST_MODIFIED, CHANGED_AT);
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    headers.extend(HeaderValue::from_str(&etag).ok().map(|etag| (ETAG, etag)));
    let known = header(request, &IF_NONE_MATCH);
    if known == etag || known.is_empty() && CHANGED_AT == header(request, &IF_MODIFIED_SINCE) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if header(request, &ACCEPT_ENCODING).contains("gzip") {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        bytes = gzip(&bytes);
    }
    *response.body_mut() = bytes.into();
    response
}

#[expect(clippy::expect_used, reason = "memory takes what is written to it")]
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn error(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(br#"{"error":"not here"}"#));
    *response.status_mut() = status;
    response
}

fn header<'request>(request: &'request FakeRequest, name: &HeaderName) -> &'request str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
