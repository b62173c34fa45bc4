use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use http::response::Builder;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use percent_encoding::percent_decode_str;

use super::bucket::{Bucket, Object, etag};

const GENERATION: &str = "x-goog-generation";
const IF_GENERATION: &str = "x-goog-if-generation-match";
const WRITTEN: &str = "Sun, 22 Nov 2026 07:00:00 GMT";

type Answer = io::Result<Response<Full<Bytes>>>;

/// What the bucket says to a request.
pub(super) fn answer(bucket: &mut Bucket, request: &Request<Bytes>) -> Answer {
    let is_signed = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !is_signed.is_some_and(|value| value.starts_with("Bearer ") && value.matches('.').count() == 2) {
        return plain(StatusCode::UNAUTHORIZED);
    }
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let path = request.uri().path().trim_start_matches('/');
    let (holder, name) = path.split_once('/').unwrap_or((path, ""));
    let name = percent_decode_str(name).decode_utf8().map_err(io::Error::other)?;
    let body = request.body().clone();
    let upload = query.get("uploadId").map(String::as_str);
    match (request.method(), name.as_ref(), upload) {
        _ if holder != "registry" => not_found("NoSuchBucket"),
        (&Method::GET, "", _) => listing(bucket, &query),
        (&Method::GET | &Method::HEAD, name, _) => match bucket.get(name) {
            Some(object) => read(object, request),
            None => not_found("NoSuchKey"),
        },
        (&Method::PUT, _, Some(id)) => {
            let number = query.get("partNumber").and_then(|number| number.parse().ok()).unwrap_or_default();
            let etag = etag(&body);
            if !bucket.put_part(id, number, body) {
                return plain(StatusCode::NOT_FOUND);
            }
            respond(Response::builder().header(ETAG, etag), "")
        }
        (&Method::PUT, name, None) => {
            let wanted = request.headers().get(IF_GENERATION).map(|value| value.to_str().map(str::parse));
            let wanted = match wanted {
                None => None,
                Some(Ok(Ok(generation))) => Some(generation),
                Some(_) => return plain(StatusCode::BAD_REQUEST),
            };
            match bucket.put(name, body, wanted) {
                Some(object) => respond(of(&object), ""),
                None => plain(StatusCode::PRECONDITION_FAILED),
            }
        }
        (&Method::POST, name, Some(id)) => match bucket.end_upload(id) {
            Some(bytes) => match bucket.put(name, bytes, None) {
                Some(object) => {
                    let etag = escaped(&object.etag());
                    let text = format!(
                        "<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
                    );
                    respond(of(&object), text)
                }
                None => plain(StatusCode::PRECONDITION_FAILED),
            },
            None => not_found("NoSuchUpload"),
        },
        (&Method::POST, _, None) if query.contains_key("uploads") => {
            let id = bucket.begin_upload();
            let text = format!(
                "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            );
            respond(Response::builder(), text)
        }
        (&Method::DELETE, name, upload) => {
            let was_there = match upload {
                Some(id) => bucket.end_upload(id).is_some(),
                None => bucket.delete(name),
            };
            if was_there { plain(StatusCode::NO_CONTENT) } else { not_found("NoSuchKey") }
        }
        _ => plain(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The headers of an object.
fn of(object: &Object) -> Builder {
    Response::builder()
        .header(ETAG, object.etag())
        .header(GENERATION, object.generation)
        .header(LAST_MODIFIED, WRITTEN)
}

fn read(object: &Object, request: &Request<Bytes>) -> Answer {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header(IF_NONE_MATCH).is_some_and(|known| known == object.etag()) {
        return respond(of(object).status(StatusCode::NOT_MODIFIED), "");
    }
    let length = object.bytes.len();
    let range = header(RANGE).and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((start, end)) = range else {
        let bytes = if request.method() == Method::HEAD { Bytes::new() } else { object.bytes.clone() };
        return respond(of(object).header(CONTENT_LENGTH, length), bytes);
    };
    let start: usize = start.parse().map_err(io::Error::other)?;
    let end = end.parse().map_or(length, |last: usize| length.min(last + 1));
    if start >= end {
        return plain(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let range = format!("bytes {start}-{}/{length}", end - 1);
    let builder = of(object).status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, range);
    respond(builder, object.bytes.slice(start..end))
}

fn listing(bucket: &Bucket, query: &HashMap<String, String>) -> Answer {
    let text = |name: &str| query.get(name).map(String::as_str);
    let after = text("continuation-token").or(text("start-after")).unwrap_or_default();
    let page = bucket.list(text("prefix").unwrap_or_default(), text("delimiter"), after);
    let mut listed = String::from("<ListBucketResult>");
    for (name, object) in &page.objects {
        let (etag, length) = (escaped(&object.etag()), object.bytes.len());
        let name = escaped(name);
        let entry = write!(
            listed,
            "<Contents><Key>{name}</Key><ETag>{etag}</ETag><Size>{length}</Size>\
             <LastModified>2026-11-22T07:00:00.000Z</LastModified></Contents>"
        );
        entry.map_err(io::Error::other)?;
    }
    for folder in &page.folders {
        let folder = escaped(folder);
        let entry = write!(listed, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
        entry.map_err(io::Error::other)?;
    }
    if let Some(next) = page.next.as_deref().map(escaped) {
        let entry = write!(listed, "<NextContinuationToken>{next}</NextContinuationToken>");
        entry.map_err(io::Error::other)?;
    }
    listed.push_str("</ListBucketResult>");
    respond(Response::builder(), listed)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn plain(status: StatusCode) -> Answer {
    respond(Response::builder().status(status), "")
}

/// A 404 alone proves nothing; the code says what is missing.
fn not_found(code: &str) -> Answer {
    let text = format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>");
    respond(Response::builder().status(StatusCode::NOT_FOUND), text)
}

fn respond(builder: Builder, body: impl Into<Bytes>) -> Answer {
    builder.body(Full::new(body.into())).map_err(io::Error::other)
}
