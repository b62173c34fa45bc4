use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::{BUCKET, S3Request, State, lock};

type Answer = Response<Full<Bytes>>;

/// When everything was stored.
const LONG_AGO: &str = "Fri, 02 Jan 2026 03:04:05 GMT";

pub(super) async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Answer> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let key = percent_decode_str(key).decode_utf8().map_err(io::Error::other)?.into_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let mut state = lock(&state);
    let answer = if let Some((status, body)) = state.instead.clone() {
        let mut answer = Response::new(Full::from(body));
        *answer.status_mut() = status;
        answer
    } else if bucket == BUCKET {
        state.answer(&head.method, &key, &query, &head.headers, body)
    } else {
        failure(StatusCode::NOT_FOUND, "NoSuchBucket")
    };
    let (method, headers, status) = (head.method, head.headers, answer.status());
    state.requests.push(S3Request { method, key, query, headers, status });
    Ok(answer)
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        key: &str,
        query: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Answer {
        match (method.as_str(), key.is_empty()) {
            ("GET", true) => self.list(query),
            ("POST", true) if query == "delete" => self.delete_all(&body),
            ("GET" | "HEAD", false) => self.get(key, headers),
            ("PUT", false) if query.is_empty() => self.put(key, headers, body),
            ("DELETE", false) => {
                self.objects.remove(key);
                plain(StatusCode::NO_CONTENT)
            }
            _ => failure(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        }
    }

    fn get(&self, key: &str, headers: &HeaderMap) -> Answer {
        let Some(content) = self.objects.get(key) else {
            return failure(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let etag = etag_of(content);
        let mut answer = if header(headers, IF_NONE_MATCH) == Some(&etag) {
            plain(StatusCode::NOT_MODIFIED)
        } else {
            match header(headers, RANGE).map(|range| part(content, range)) {
                None => Response::new(Full::from(content.clone())),
                Some(None) => failure(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
                Some(Some((content, range))) => {
                    let mut answer = Response::new(Full::from(content));
                    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
                    set(&mut answer, CONTENT_RANGE, &range);
                    answer
                }
            }
        };
        set(&mut answer, ETAG, &etag);
        set(&mut answer, LAST_MODIFIED, LONG_AGO);
        answer
    }

    fn put(&mut self, key: &str, headers: &HeaderMap, content: Bytes) -> Answer {
        let encryption = headers.get("x-amz-server-side-encryption");
        if self.wants_encryption && encryption.is_none_or(|algorithm| algorithm != "AES256") {
            return failure(StatusCode::FORBIDDEN, "AccessDenied");
        }
        let there = self.objects.get(key).map(etag_of);
        let conflicts = match (header(headers, IF_MATCH), header(headers, IF_NONE_MATCH)) {
            (Some(_), _) if there.is_none() => return failure(StatusCode::NOT_FOUND, "NoSuchKey"),
            (Some(known), _) => there.as_deref() != Some(known),
            (None, Some(_)) => there.is_some(),
            (None, None) => false,
        };
        if conflicts {
            return failure(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let mut answer = plain(StatusCode::OK);
        set(&mut answer, ETAG, &etag_of(&content));
        self.objects.insert(key.to_owned(), content);
        answer
    }

    fn list(&self, query: &str) -> Answer {
        let parameter = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
        let (mut contents, mut folders) = (String::new(), BTreeSet::new());
        for (key, content) in self.objects.range(prefix.clone()..) {
            let Some(rest) = key.strip_prefix(&prefix) else { break };
            match rest.split_once('/') {
                Some((folder, _)) if !delimiter.is_empty() => {
                    folders.insert(format!("{prefix}{folder}/"));
                }
                _ => {
                    let (etag, size) = (etag_of(content), content.len());
                    let _ = write!(
                        contents,
                        "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
                         <ETag>{etag}</ETag><Size>{size}</Size></Contents>"
                    );
                }
            }
        }
        for folder in folders {
            let _ = write!(contents, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
        }
        let listed =
            format!("<ListBucketResult>{contents}<IsTruncated>false</IsTruncated></ListBucketResult>");
        Response::new(Full::from(listed))
    }

    fn delete_all(&mut self, body: &[u8]) -> Answer {
        let asked = String::from_utf8_lossy(body);
        let keys = asked.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let mut deleted = String::new();
        for key in keys {
            self.objects.remove(key);
            let _ = write!(deleted, "<Deleted><Key>{key}</Key></Deleted>");
        }
        Response::new(Full::from(format!("<DeleteResult>{deleted}</DeleteResult>")))
    }
}

fn header(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn set(answer: &mut Answer, name: http::HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        answer.headers_mut().insert(name, value);
    }
}

fn etag_of(content: &Bytes) -> String {
    format!("\"{}\"", const_hex::encode(&Sha256::digest(content)[..16]))
}

/// The bytes that `bytes=first-last` or `bytes=first-` names, and where they are.
fn part(content: &Bytes, range: &str) -> Option<(Bytes, String)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let end = last.parse::<usize>().map_or(content.len(), |last| (last + 1).min(content.len()));
    if first >= end {
        return None;
    }
    Some((content.slice(first..end), format!("bytes {first}-{}/{}", end - 1, content.len())))
}

fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn failure(status: StatusCode, code: &str) -> Answer {
    let mut answer = Response::new(Full::from(format!("<Error><Code>{code}</Code></Error>")));
    *answer.status_mut() = status;
    answer
}
