use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};

use super::{Front, Handler, json};
use crate::condition::ReadyAnswer;

/// The timeout of the store before the server reports that it is not ready.
const READY_TIME: Duration = Duration::from_secs(5);

/// Routes that the server itself answers, only at the root. Machines request them every few seconds, so they are
/// neither counted nor logged as requests.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnRoute {
    Ready,
    Metrics,
    /// A known route with an unsupported method.
    WrongMethod,
}

impl OwnRoute {
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let route = match request.uri().path() {
            "/-/ready" => Self::Ready,
            "/-/metrics" => Self::Metrics,
            _ => return None,
        };
        let can_read = matches!(*request.method(), Method::GET | Method::HEAD);
        Some(if can_read { route } else { Self::WrongMethod })
    }
}

impl<H: Handler> Front<H> {
    /// `to_this_machine` is whether the answer certainly goes to a program on this machine.
    pub(super) async fn answer_own_route(&self, route: OwnRoute, to_this_machine: bool) -> Response<String> {
        let mut response = match route {
            OwnRoute::Ready => self.tell_ready().await,
            OwnRoute::Metrics => self.show_metrics(to_this_machine),
            OwnRoute::WrongMethod => {
                let mut refused = json(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD here");
                refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refused
            }
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn tell_ready(&self) -> Response<String> {
        if self.condition.is_stopping() {
            return ready(&ReadyAnswer::stopping());
        }
        let Ok(readiness) = tokio::time::timeout(READY_TIME, self.handler.readiness()).await else {
            tracing::warn!("not ready: the store did not answer within {} s", READY_TIME.as_secs());
            return ready(&ReadyAnswer::too_slow(&self.condition));
        };
        let answer = ReadyAnswer::new(&readiness, &self.condition);
        if let (Some(reason), Some(error)) = (&answer.error, readiness.error) {
            tracing::warn!(error, "not ready: {reason}");
        }
        ready(&answer)
    }

    fn show_metrics(&self, to_this_machine: bool) -> Response<String> {
        if !self.metrics_are_public && !to_this_machine {
            return json(
                StatusCode::FORBIDDEN,
                "metrics are visible only to this machine; set public = true under [metrics] to show them to \
                 others",
            );
        }
        let mut response = Response::new(self.metrics.render_with(&self.handler.measurements()));
        let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}

fn ready(answer: &ReadyAnswer) -> Response<String> {
    let status = if answer.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = json(status, "");
    // Text and truth values do not fail.
    *response.body_mut() = serde_json::to_string(answer).unwrap_or_default();
    response
}
