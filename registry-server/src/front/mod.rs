//! The layer between connections and the registry: finds the client, records requests, and catches panics.

mod client;
mod host_rule;
mod own_routes;
mod patient;
mod record;
mod request_ids;
mod spans;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use tracing::Instrument as _;

pub(crate) use self::client::Proxies;
use self::client::{Client, find_client};
use self::host_rule::HostRule;
use self::own_routes::OwnRoute;
use self::patient::{Patience, Patient};
use self::record::{Record, Recorded};
use self::request_ids::RequestIds;
use crate::condition::Condition;
use crate::metrics::Metrics;
use crate::settings::Settings;
use registry_core::error::BoxError;
use registry_core::http::{ClientAddress, RequestId, TrustedProxy, UnprovenProxies};
use registry_core::measurements::Measurements;
use registry_core::{Readiness, Registry};

/// Answers requests. Implemented by the registry, and by test doubles.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Answers one request.
    fn handle<B>(&self, request: Request<B>) -> impl Future<Output = Response<Self::Body>> + Send
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>;

    /// Whether the handler can serve requests, and what is wrong.
    fn readiness(&self) -> impl Future<Output = Readiness> + Send;

    /// What the handler counted, for metrics.
    fn measurements(&self) -> Measurements;
}

impl Handler for Registry {
    type Body = registry_core::http::Body;

    async fn handle<B>(&self, request: Request<B>) -> Response<Self::Body>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::handle(self, request).await
    }

    async fn readiness(&self) -> Readiness {
        Self::readiness(self).await
    }

    fn measurements(&self) -> Measurements {
        Self::measurements(self)
    }
}

/// The body of an answer: the server's own, or the handler's with its record.
pub(crate) type AnswerBody<B> = Either<Full<Bytes>, Recorded<Either<Full<Bytes>, B>>>;

/// The server without its connections.
#[derive(Debug)]
pub(crate) struct Front<H> {
    handler: H,
    metrics: Arc<Metrics>,
    metrics_are_public: bool,
    proxies: Proxies,
    hosts: HostRule,
    patience: Patience,
    request_ids: RequestIds,
    condition: Arc<Condition>,
}

impl<H: Handler> Front<H> {
    pub(crate) fn new(
        handler: H,
        metrics: Arc<Metrics>,
        condition: Arc<Condition>,
        settings: &Settings,
    ) -> Self {
        Self {
            handler,
            metrics,
            metrics_are_public: settings.metrics.public,
            proxies: settings.server.proxies(),
            hosts: HostRule::of(settings),
            patience: Patience {
                pause: settings.server.header_read_time(),
                window: settings.server.progress_time(),
                least: settings.server.least_progress(),
            },
            request_ids: RequestIds::new(),
            condition,
        }
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.contain(address)
    }

    /// Makes `/-/ready` report that the server is stopping.
    pub(crate) fn begin_to_stop(&self) {
        self.condition.begin_to_stop();
    }

    /// Answers one request from a connection of `peer`.
    pub(crate) async fn answer<B>(
        &self,
        peer: SocketAddr,
        mut request: Request<B>,
    ) -> Response<AnswerBody<H::Body>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let client = find_client(&self.proxies, peer.ip(), request.headers_mut());
        let host = self.hosts.check(request.headers(), request.uri());
        if let Some(route) = OwnRoute::of(&request) {
            let answer = match host {
                Ok(()) => {
                    let is_safe = self.hosts.is_safe_from_rebinding(request.headers(), request.uri());
                    self.answer_own_route(route, client.is_this_machine() && is_safe).await
                }
                Err((status, refusal)) => json(status, &refusal),
            };
            return answer.map(|text| Either::Left(Full::from(text)));
        }

        let id = self.request_ids.id_of(request.headers(), client.by_trusted_proxy);
        request.extensions_mut().insert(RequestId(id.clone()));
        let span = spans::begin(&request, id.to_str().unwrap_or_default(), client.by_trusted_proxy);
        let record = Record::begin(&self.metrics, &request, client.address, id, span.clone());
        if let Err((status, refusal)) = host {
            let refused = json(status, &refusal).map(|text| Either::Left(Full::from(text)));
            return record.follow(refused).map(Either::Right);
        }
        name_host(&mut request);
        tell_client(&mut request, client);
        let request = request.map(|body| Patient::new(body, self.patience));
        let handled = AssertUnwindSafe(self.handler.handle(request).instrument(span)).catch_unwind().await;
        let response = match handled {
            Ok(response) => response.map(Either::Right),
            // The panic hook has logged it.
            Err(_panic) => json(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the registry failed to answer; try again, and tell its operator if it fails again",
            )
            .map(|text| Either::Left(Full::from(text))),
        };
        record.follow(response).map(Either::Right)
    }
}

/// Passes the client to the registry.
fn tell_client<B>(request: &mut Request<B>, client: Client) {
    let extensions = request.extensions_mut();
    extensions.insert(ClientAddress(client.address));
    if client.by_trusted_proxy {
        extensions.insert(TrustedProxy);
    }
    if !client.unproven.is_empty() {
        extensions.insert(UnprovenProxies(client.unproven.into()));
    }
}

/// HTTP/2 has the host in the URI; the registry expects it in the header.
fn name_host<B>(request: &mut Request<B>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(HOST, host);
    }
}

/// An error in the format that npm clients read.
fn json(status: StatusCode, error: &str) -> Response<String> {
    let mut response = Response::new(serde_json::json!({ "error": error }).to_string());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
