use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use tracing::Span;

use crate::metrics::{Finished, Metrics};

use super::request_ids::REQUEST_ID;
use super::spans;
use registry_core::error::BoxError;
use registry_core::http::route::loggable_path;
use registry_core::http::{PrincipalName, RouteKind};

/// The logged status of a request whose client hung up before the answer. No client receives it.
const CLIENT_HUNG_UP: u16 = 499;

/// One request, from its head to the last byte of the answer. It is counted and logged on drop, finished or not.
#[derive(Debug)]
pub(super) struct Record {
    metrics: Arc<Metrics>,
    started: Instant,
    method: Method,
    uri: Uri,
    client: IpAddr,
    id: HeaderValue,
    route: &'static str,
    principal: Option<PrincipalName>,
    status: u16,
    bytes: u64,
    span: Span,
}

impl Record {
    pub(super) fn begin<B>(
        metrics: &Arc<Metrics>,
        request: &Request<B>,
        client: IpAddr,
        id: HeaderValue,
        span: Span,
    ) -> Self {
        metrics.entered();
        Self {
            metrics: Arc::clone(metrics),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            client,
            id,
            route: "unknown",
            principal: None,
            status: CLIENT_HUNG_UP,
            bytes: 0,
            span,
        }
    }

    /// Records the answer, and continues with its body.
    pub(super) fn follow<B>(mut self, mut response: Response<B>) -> Response<Recorded<B>> {
        self.status = response.status().as_u16();
        if let Some(RouteKind(route)) = response.extensions_mut().remove() {
            self.route = route;
        }
        self.principal = response.extensions_mut().remove();
        if self.status >= 400 {
            // For the operator whom the client asks.
            response.headers_mut().insert(REQUEST_ID, self.id.clone());
        }
        response.map(|body| Recorded { body, record: self })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.metrics.left();
        self.metrics.finished(&Finished {
            route: self.route,
            method: &self.method,
            status: self.status,
            took,
            bytes: self.bytes,
        });
        spans::end(&self.span, self.method.as_str(), self.route, self.status);
        tracing::info!(
            target: "registry_server::access",
            method = self.method.as_str(),
            route = self.route,
            path = %loggable_path(self.uri.path()),
            status = self.status,
            duration_ms = milliseconds(took),
            bytes = self.bytes,
            client = %self.client,
            request = self.id.to_str().unwrap_or_default(),
            principal = self.principal.as_ref().map(tracing::field::display),
        );
    }
}

/// Rounds to thousandths: more digits would be noise.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// The body of an answer, with the record that ends with it.
#[derive(Debug)]
pub(crate) struct Recorded<B> {
    body: B,
    record: Record,
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Recorded<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let span = self.record.span.clone();
        let _entered = span.enter();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.record.bytes += u64::try_from(length).unwrap_or(u64::MAX);
                Ok(frame)
            }
            Err(error) => {
                let error = error.into();
                let path = loggable_path(self.record.uri.path());
                tracing::error!(%path, error, "the answer broke off");
                Err(error)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded() {
        assert!((milliseconds(Duration::from_nanos(1_234_567)) - 1.235).abs() < 1e-9);
    }
}
