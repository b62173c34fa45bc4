//! What stands between the connection and the registry: finds the client, keeps the record, survives panics.

mod client;
mod own_routes;
mod patient;
mod record;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};

use self::client::find_client;
use self::own_routes::OwnRoute;
use self::patient::Patient;
use self::record::{Record, Recorded};
use crate::metrics::Metrics;
use crate::settings::{Network, Settings};
use registry_core::Registry;
use registry_core::error::BoxError;
use registry_core::http::ClientAddress;

/// Answers requests. The registry does; tests put something else in its place.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Answers one request.
    fn handle<B>(&self, request: Request<B>) -> impl Future<Output = Response<Self::Body>> + Send
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>;

    /// Whether what the handler stands on answers.
    fn ready(&self) -> impl Future<Output = Result<(), BoxError>> + Send;
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

    async fn ready(&self) -> Result<(), BoxError> {
        Ok(Self::ready(self).await?)
    }
}

/// The body of an answer: the server's own, or the handler's with its record.
pub(crate) type AnswerBody<B> = Either<Full<Bytes>, Recorded<Either<Full<Bytes>, B>>>;

/// The server, without its connections.
#[derive(Debug)]
pub(crate) struct Front<H> {
    handler: H,
    metrics: Arc<Metrics>,
    metrics_are_public: bool,
    trusted_proxies: Vec<Network>,
    patience: Duration,
    stopping: AtomicBool,
}

impl<H: Handler> Front<H> {
    pub(crate) fn new(handler: H, metrics: Arc<Metrics>, settings: &Settings) -> Self {
        Self {
            handler,
            metrics,
            metrics_are_public: settings.metrics.public,
            trusted_proxies: settings.server.trusted_proxies.clone(),
            patience: settings.server.header_read_time(),
            stopping: AtomicBool::new(false),
        }
    }

    /// From now on `/-/ready` says no.
    pub(crate) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Answers one request that came over a connection from `peer`.
    pub(crate) async fn answer<B>(
        &self,
        peer: SocketAddr,
        mut request: Request<B>,
    ) -> Response<AnswerBody<H::Body>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let client = find_client(&self.trusted_proxies, peer.ip(), request.headers_mut());
        if let Some(route) = OwnRoute::of(&request) {
            return self.answer_own_route(route, client).await.map(|text| Either::Left(Full::from(text)));
        }

        let record = Record::begin(&self.metrics, &request, client.address);
        name_host(&mut request);
        request.extensions_mut().insert(ClientAddress(client.address));
        let request = request.map(|body| Patient::new(body, self.patience));
        let handled = AssertUnwindSafe(self.handler.handle(request)).catch_unwind().await;
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

/// HTTP/2 names the host in the URI; the registry looks for it in the header.
fn name_host<B>(request: &mut Request<B>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(HOST, host);
    }
}

/// An error as npm's clients read it.
fn json(status: StatusCode, error: &str) -> Response<String> {
    let mut response = Response::new(format!("{{\"error\":\"{error}\"}}"));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
