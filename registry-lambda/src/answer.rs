//! Converts a response to the format that the sender of the event expects.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyDataStream, BodyExt as _};
use lambda_http::lambda_runtime::{FunctionResponse, IntoFunctionResponse, MetadataPrelude, StreamResponse};
use registry_core::Body;
use serde::Serialize;
use serde_json::{Value, json};

use crate::event::Origin;
use crate::settings::ResponseMode;

/// The most bytes of an answer that is not streamed, slightly more than 6 MiB, less room for status and headers. An
/// event has at most as many.
pub(crate) const MOST_BYTES: u64 = 6_291_556 - (32 << 10);

/// The same limit for answers through a load balancer.
const MOST_BYTES_OF_A_LOAD_BALANCER: u64 = (1 << 20) - (32 << 10);

/// An answer in the format that the event requires.
#[derive(Debug)]
pub enum Answer {
    /// One JSON document.
    Buffered(Buffered),
    /// Status and headers, then a stream of bytes.
    Streaming(StreamResponse<Chunks>),
}

/// The streamed bytes of an answer.
pub struct Chunks(BoxStream<'static, Result<Bytes, BrokenOff>>);

impl Stream for Chunks {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chunks").finish_non_exhaustive()
    }
}

/// An answer that began and could not be completed. The log contains the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff;

/// An answer as one JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Buffered {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    body: String,
    is_base64_encoded: bool,
}

impl IntoFunctionResponse<Buffered, Chunks> for Answer {
    fn into_response(self) -> FunctionResponse<Buffered, Chunks> {
        match self {
            Self::Buffered(answer) => FunctionResponse::BufferedResponse(answer),
            Self::Streaming(answer) => FunctionResponse::StreamingResponse(answer),
        }
    }
}

impl Answer {
    /// Converts the response for the sender of the event. Only some senders support streams; the others never get one.
    pub(crate) async fn of(response: Response<Body>, origin: Origin, mode: ResponseMode) -> Self {
        let streams = matches!(origin, Origin::RestApi | Origin::FunctionUrl);
        if mode == ResponseMode::Streaming && streams {
            Self::Streaming(stream(response))
        } else {
            Self::Buffered(buffer(response, origin).await)
        }
    }

    /// Returns the answer as one JSON document, a streamed one in base64, for tests.
    pub async fn into_json(self) -> serde_json::Result<Value> {
        match self {
            Self::Buffered(answer) => serde_json::to_value(answer),
            Self::Streaming(mut answer) => {
                let mut bytes = Vec::new();
                while let Some(Ok(chunk)) = answer.stream.next().await {
                    bytes.extend_from_slice(&chunk);
                }
                let mut json = serde_json::to_value(&answer.metadata_prelude)?;
                json["body"] = STANDARD.encode(bytes).into();
                json["isBase64Encoded"] = true.into();
                Ok(json)
            }
        }
    }
}

/// An error of this frontend, in the format that npm clients read.
pub(crate) fn failure(status: StatusCode, error: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "error": error, "message": error }).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn stream(response: Response<Body>) -> StreamResponse<Chunks> {
    let (head, body) = response.into_parts();
    let mut metadata_prelude = MetadataPrelude::default();
    metadata_prelude.status_code = head.status;
    metadata_prelude.headers = head.headers;
    metadata_prelude.cookies = take_cookies(&mut metadata_prelude.headers);
    let stream = BodyDataStream::new(body).map(|chunk| {
        chunk.map_err(|error| {
            tracing::error!(error, "the answer broke off");
            BrokenOff
        })
    });
    StreamResponse { metadata_prelude, stream: Chunks(stream.boxed()) }
}

async fn buffer(response: Response<Body>, origin: Origin) -> Buffered {
    let most = match origin {
        Origin::LoadBalancer { .. } => MOST_BYTES_OF_A_LOAD_BALANCER,
        Origin::RestApi | Origin::HttpApi | Origin::FunctionUrl => MOST_BYTES,
    };
    let (head, body) = response.into_parts();
    let length = body.size_hint().lower();
    let fits = length <= most;
    let read = if fits { body.collect().await } else { Ok(http_body_util::Collected::default()) };
    let bytes = match read {
        Ok(read) => read.to_bytes(),
        Err(error) => {
            tracing::error!(error, "the answer broke off");
            let broken = "the registry could not finish its answer; try again";
            return whole(failure(StatusCode::BAD_GATEWAY, broken), origin);
        }
    };
    let (body, is_base64_encoded) = encode(&bytes, &head.headers, most);
    if fits && body.len() as u64 <= most {
        return Buffered { body, is_base64_encoded, ..headed(head, origin) };
    }
    let refused = format!(
        "the answer of {} bytes is larger than AWS Lambda sends at once: the registry's operator can set \
         REGISTRY_LAMBDA_RESPONSE=streaming, or redirect_above_mib for tarballs",
        length.max(bytes.len() as u64)
    );
    tracing::error!("{refused}");
    whole(failure(StatusCode::INTERNAL_SERVER_ERROR, &refused), origin)
}

/// A response of this frontend itself, which is short and text.
fn whole(response: Response<Body>, origin: Origin) -> Buffered {
    let (head, body) = response.into_parts();
    let text = json_of(body);
    Buffered { body: text, ..headed(head, origin) }
}

fn json_of(body: Body) -> String {
    let read = futures::FutureExt::now_or_never(body.collect());
    let bytes = read.and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes JSON and other text verbatim, unless base64 is shorter, and compressed or other bytes as base64.
fn encode(bytes: &Bytes, headers: &HeaderMap, most: u64) -> (String, bool) {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_text = essence.starts_with("text/") || essence == "application/json" || essence.ends_with("+json");
    if bytes.is_empty() {
        return (String::new(), false);
    }
    if is_text
        && !headers.contains_key(CONTENT_ENCODING)
        && escaped_length(bytes) <= most
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return (text.to_owned(), false);
    }
    (STANDARD.encode(bytes), true)
}

/// Returns the length of a text as JSON.
fn escaped_length(bytes: &[u8]) -> u64 {
    let more = |byte: &u8| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    bytes.iter().map(more).sum()
}

/// Returns status and headers in the sender's format, without a body.
fn headed(mut head: http::response::Parts, origin: Origin) -> Buffered {
    let cookies = if origin == Origin::HttpApi || origin == Origin::FunctionUrl {
        take_cookies(&mut head.headers)
    } else {
        Vec::new()
    };
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        lists.entry(name.as_str().to_owned()).or_default().push(value);
    }
    let as_lists = matches!(origin, Origin::RestApi | Origin::LoadBalancer { multi_value: true });
    let joined = || lists.iter().map(|(name, values)| (name.clone(), values.join(", "))).collect();
    let status_description = matches!(origin, Origin::LoadBalancer { .. }).then(|| head.status.to_string());
    Buffered {
        status_code: head.status.as_u16(),
        status_description,
        headers: (!as_lists).then(joined),
        multi_value_headers: as_lists.then(|| lists.clone()),
        cookies: (!cookies.is_empty()).then_some(cookies),
        body: String::new(),
        is_base64_encoded: false,
    }
}

fn take_cookies(headers: &mut HeaderMap) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let cookies = headers.get_all(SET_COOKIE).iter().map(text).collect();
    headers.remove(SET_COOKIE);
    cookies
}
