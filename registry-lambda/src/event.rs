//! Converts an event to a request, with the exact spelling of its sender. An invalid event gets an answer.
//!
//! `lambda_http` defines the events. Its own conversion is not used: it panics on an invalid `Host` and on a body that
//! is not base64, normalizes paths, and turns `%20` in a load balancer's query into `+`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{COOKIE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use lambda_http::aws_lambda_events::alb::AlbTargetGroupRequest;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use registry_core::Body;
use registry_core::http::{ClientAddress, PathAbove, TrustedProxy};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Characters that are not valid in a path. `%` is: existing escapes are preserved.
const NOT_IN_A_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

/// Characters that are not valid in a query.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// The sender of an event, which determines the format of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// API Gateway, REST API.
    RestApi,
    /// API Gateway, HTTP API, in format 2.0.
    HttpApi,
    /// A Function URL.
    FunctionUrl,
    /// An application load balancer.
    LoadBalancer {
        /// Whether headers are lists, which is a setting of the target group.
        multi_value: bool,
    },
}

/// Why an event is not a valid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    #[error("the event's body is declared as base64, but is not: send the request again")]
    Body,
    #[error("the path or the query of the request cannot be read: write it in letters that a URL may have")]
    Path,
    #[error(
        "this registry does not accept such events: send it HTTP requests through a Function URL, an API \
         Gateway or a load balancer, or the events of an EventBridge schedule"
    )]
    Kind,
}

/// The parts that all kinds of events have.
struct Parts {
    method: Method,
    /// As sent, below the stage.
    path: String,
    query: String,
    headers: HeaderMap,
    above: Option<String>,
    address: Option<IpAddr>,
    body: Option<String>,
    is_base64: bool,
}

/// Returns the request of an event.
pub(crate) fn read(event: LambdaRequest) -> (Origin, Result<Request<Body>, EventError>) {
    match event {
        LambdaRequest::ApiGatewayV1(event) => (Origin::RestApi, rest_api(event).into_request()),
        LambdaRequest::ApiGatewayV2(event) => {
            let domain = event.request_context.domain_name.as_deref().unwrap_or_default();
            let origin = if domain.contains(".lambda-url.") { Origin::FunctionUrl } else { Origin::HttpApi };
            (origin, http_api(event).into_request())
        }
        LambdaRequest::Alb(event) => {
            let multi_value = !event.multi_value_headers.is_empty();
            (Origin::LoadBalancer { multi_value }, load_balancer(event).into_request())
        }
        _ => (Origin::FunctionUrl, Err(EventError::Kind)),
    }
}

/// The path has no stage, unlike the one in the context.
fn rest_api(event: ApiGatewayProxyRequest) -> Parts {
    let path = event.path.unwrap_or_default();
    let whole = event.request_context.path.unwrap_or_default();
    let many = event.multi_value_query_string_parameters;
    let query = if many.is_empty() { event.query_string_parameters } else { many };
    let many = event.multi_value_headers;
    let headers = if many.is_empty() { event.headers } else { many };
    Parts {
        method: event.http_method,
        above: whole.strip_suffix(path.as_str()).map(str::to_owned),
        path,
        query: query_of(&query, |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()),
        headers: of_a_gateway(headers, event.request_context.domain_name.as_deref()),
        address: event.request_context.identity.source_ip.and_then(|address| address.parse().ok()),
        body: event.body,
        is_base64: event.is_base64_encoded,
    }
}

/// The path begins with the stage, unless that is the default one.
fn http_api(event: ApiGatewayV2httpRequest) -> Parts {
    let context = event.request_context;
    let path = event.raw_path.unwrap_or_default();
    let stage = context.stage.filter(|stage| stage != "$default").map(|stage| format!("/{stage}"));
    let below = stage.as_deref().and_then(|stage| path.strip_prefix(stage));
    let below = below.filter(|below| below.is_empty() || below.starts_with('/')).map(str::to_owned);
    let mut headers = of_a_gateway(event.headers, context.domain_name.as_deref());
    let cookies = event.cookies.map(|cookies| HeaderValue::from_str(&cookies.join("; ")));
    if let Some(Ok(cookies)) = cookies {
        headers.insert(COOKIE, cookies);
    }
    Parts {
        method: context.http.method,
        above: stage.filter(|_| below.is_some()),
        path: below.unwrap_or(path),
        query: event.raw_query_string.unwrap_or_default(),
        headers,
        address: context.http.source_ip.and_then(|address| address.parse().ok()),
        body: event.body,
        is_base64: event.is_base64_encoded,
    }
}

/// Its query is as the client sent it, escapes included.
fn load_balancer(event: AlbTargetGroupRequest) -> Parts {
    let many = event.multi_value_query_string_parameters;
    let query = if many.is_empty() { event.query_string_parameters } else { many };
    let many = event.multi_value_headers;
    let mut headers = if many.is_empty() { event.headers } else { many };
    headers.remove(FORWARDED_HOST);
    // The load balancer writes the last one itself.
    let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back();
    let last = forwarded.and_then(|list| list.to_str().ok()?.rsplit(',').next().map(str::trim));
    let with_port = |text: &str| text.parse::<SocketAddr>().map(|address| address.ip());
    Parts {
        method: event.http_method,
        path: event.path.unwrap_or_default(),
        query: query_of(&query, str::to_owned),
        above: None,
        address: last.and_then(|text| text.parse().or_else(|_| with_port(text)).ok()),
        headers,
        body: event.body,
        is_base64: event.is_base64_encoded,
    }
}

/// Gateways and Function URLs use HTTPS only, and pass on a client's `X-Forwarded-Host`.
fn of_a_gateway(mut headers: HeaderMap, domain: Option<&str>) -> HeaderMap {
    headers.remove(FORWARDED_HOST);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    if !headers.contains_key(HOST)
        && let Some(Ok(domain)) = domain.map(HeaderValue::from_str)
    {
        headers.insert(HOST, domain);
    }
    headers
}

fn query_of(query: &QueryMap, spelled: impl Fn(&str) -> String) -> String {
    // The map's own iterator panics on a name without a value.
    let Ok(lists) =
        serde_json::to_value(query).and_then(serde_json::from_value::<BTreeMap<String, Vec<String>>>)
    else {
        return String::new();
    };
    let pair = |name: &str, value: &str| format!("{}={}", spelled(name), spelled(value));
    let pairs = lists.iter().flat_map(|(name, values)| values.iter().map(|value| pair(name, value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Parts {
    fn into_request(self) -> Result<Request<Body>, EventError> {
        let body = match self.body {
            None => Bytes::new(),
            Some(body) if self.is_base64 => STANDARD.decode(body).map_err(|_| EventError::Body)?.into(),
            Some(body) => body.into(),
        };
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        let mut target = format!("{slash}{}", utf8_percent_encode(&self.path, NOT_IN_A_PATH));
        if !self.query.is_empty() {
            target.push('?');
            target.extend(utf8_percent_encode(&self.query, NOT_IN_A_QUERY));
        }
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| EventError::Path)?;
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = self.headers;
        // The gateway in front of the function writes X-Forwarded-Proto, and X-Forwarded-Host was removed above.
        request.extensions_mut().insert(TrustedProxy);
        if let Some(address) = self.address {
            request.extensions_mut().insert(ClientAddress(address));
        }
        if let Some(above) = self.above.filter(|above| is_plain(above)) {
            request.extensions_mut().insert(PathAbove(above));
        }
        Ok(request)
    }
}

/// Whether the text is safe in a URL: a stage is letters, digits, `-` and `_`.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    path.len() > 1 && path.starts_with('/') && !path.ends_with('/') && path.bytes().all(plain)
}
