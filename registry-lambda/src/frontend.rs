use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use lambda_http::request::LambdaRequest;
use registry_core::http::{ClientAddress, PrincipalName, RouteKind};
use registry_core::{Body, Registry};

use crate::answer::{Answer, failure};
use crate::event;
use crate::schedule::{ScheduleError, ScheduleReport, TIME_FOR_THE_REPORT};
use crate::settings::ResponseMode;

/// How long an answer is delayed until its events are delivered: Lambda stops the process once it is sent.
const FLUSH_TIME: Duration = Duration::from_secs(3);

/// Answers events with a registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Frontend {
    registry: Registry,
    mode: ResponseMode,
}

impl Frontend {
    /// Creates a frontend for `registry`, which streams if `mode` says so and the sender of the event supports it.
    pub fn new(registry: Registry, mode: ResponseMode) -> Self {
        Self { registry, mode }
    }

    /// Answers one event. An invalid event gets an answer too.
    pub async fn answer(&self, event: LambdaRequest) -> Answer {
        let (origin, request) = event::read(event);
        let response = match request {
            Ok(request) => self.handle(request).await,
            Err(error) => failure(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        flush_events(&self.registry).await;
        flush_due_downloads(&self.registry).await;
        Answer::of(response, origin, self.mode).await
    }

    /// Recovers what ended or frozen functions left behind, and delivers changes until each sink has all or fails, or
    /// little of `time_left` remains. Call it once a minute.
    pub async fn deliver_changes(&self, time_left: Duration) -> Result<ScheduleReport, ScheduleError> {
        let registry = self.registry.clone();
        // A task of its own is not dropped when time is up, but goes on with the next invocation. A dropped delivery would
        // keep its lease, and hold up the other functions.
        let delivery = tokio::spawn(async move {
            flush_events(&registry).await;
            flush_due_downloads(&registry).await;
            let recovered = registry.recover_changes().await;
            registry.deliver_changes().await;
            recovered
        });
        let time = time_left.saturating_sub(TIME_FOR_THE_REPORT);
        let recovered = match tokio::time::timeout(time, delivery).await {
            Ok(ended) => Some(ended.map_err(|_panic| ScheduleError::BrokeOff)??),
            Err(_) => None,
        };
        let report = ScheduleReport {
            recovered: recovered.unwrap_or_default(),
            is_complete: recovered.is_some(),
            sinks: self.registry.delivery_states().await?,
        };
        let behind: u64 = report.sinks.iter().map(|sink| sink.behind).sum();
        tracing::info!(
            target: "registry_lambda::schedule", recovered, is_complete = report.is_complete, behind, "delivered changes"
        );
        Ok(report)
    }

    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let method = request.method().clone();
        let client = request.extensions().get::<ClientAddress>().map(|address| address.0);
        let handled = AssertUnwindSafe(self.registry.handle(request)).catch_unwind().await;
        let mut response = handled.unwrap_or_else(|_panic| {
            // The panic hook has logged it.
            let failed = "the registry failed to answer; try again, and tell its operator if it fails again";
            failure(StatusCode::INTERNAL_SERVER_ERROR, failed)
        });
        let route = response.extensions_mut().remove::<RouteKind>().map(|RouteKind(route)| route);
        let principal = response.extensions_mut().remove::<PrincipalName>();
        tracing::info!(
            target: "registry_lambda::access",
            method = method.as_str(),
            route,
            status = response.status().as_u16(),
            duration_ms = started.elapsed().as_millis(),
            client = client.map(tracing::field::display),
            principal = principal.as_ref().map(tracing::field::display),
        );
        response
    }
}

async fn flush_events(registry: &Registry) {
    if tokio::time::timeout(FLUSH_TIME, registry.flush_events()).await.is_err() {
        tracing::error!("the last events were not delivered within {} s", FLUSH_TIME.as_secs());
    }
}

/// Writes the counts of downloads, if the last time is long enough ago. Between requests, nothing does.
async fn flush_due_downloads(registry: &Registry) {
    match tokio::time::timeout(FLUSH_TIME, registry.flush_due_downloads()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "cannot write the counts of downloads; trying again with the next ones");
        }
        Err(_) => {
            tracing::warn!("the counts of downloads were not written within {} s", FLUSH_TIME.as_secs());
        }
    }
}
