//! The metrics of `/-/metrics`.
//!
//! ```
//! use std::time::Duration;
//! use registry_server::metrics::{Finished, Metrics};
//! let metrics = Metrics::new(1_700_000_000);
//! let method = http::Method::GET;
//! metrics.finished(&Finished { route: "packument", method: &method, status: 200, took: Duration::ZERO, bytes: 5 });
//! let page = metrics.render();
//! assert!(page.contains(r#"registry_requests_total{route="packument",method="GET",status="200"} 1"#), "{page}");
//! ```

mod measured;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use registry_core::changes::DeliveryState;
use registry_core::measurements::Measurements;

const REQUESTS: &str = "registry_requests_total";
const DURATION: &str = "registry_request_duration_seconds";
const IN_FLIGHT: &str = "registry_requests_in_flight";
const BYTES: &str = "registry_response_bytes_total";
const START_TIME: &str = "process_start_time_seconds";
const BUILD_INFO: &str = "registry_build_info";
const WAITING: &str = "registry_changes_waiting";
const BEHIND: &str = "registry_delivery_changes_behind";
const OLDEST: &str = "registry_delivery_oldest_change_age_seconds";
const FAILING: &str = "registry_delivery_failing";
const REFUSED: &str = "registry_delivery_packages_refused";
const GIVEN_UP: &str = "registry_delivery_changes_given_up";

/// Upper bounds of the histogram's buckets, in seconds: from a cached packument to a large tarball on a slow
/// connection.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Methods with their own label. The rest share one, so that clients cannot grow the label's values.
const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];

/// Counts requests.
#[derive(Debug)]
pub struct Metrics {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
    in_flight: Gauge,
    bytes: Counter,
    /// Cached handles, so that a request costs a lookup and no allocation.
    series: RwLock<HashMap<SeriesKey, Series>>,
}

type SeriesKey = (&'static str, &'static str, u16);

#[derive(Debug, Clone)]
struct Series {
    requests: Counter,
    duration: Histogram,
}

/// A completely answered request.
#[derive(Debug)]
pub struct Finished<'request> {
    /// The kind of route, one of a few.
    pub route: &'static str,
    /// The method.
    pub method: &'request Method,
    /// The status of the answer.
    pub status: u16,
    /// The time from the head of the request to the end of the answer.
    pub took: Duration,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

impl Metrics {
    /// Starts counting, for a process that started at `start_time`, in seconds since 1970.
    pub fn new(start_time: i64) -> Self {
        let recorder = build_recorder();
        let describe = |name: &'static str, unit, text: &'static str| match name {
            DURATION => recorder.describe_histogram(name.into(), unit, text.into()),
            IN_FLIGHT | START_TIME | BUILD_INFO | WAITING | BEHIND | OLDEST | FAILING | REFUSED
            | GIVEN_UP => {
                recorder.describe_gauge(name.into(), unit, text.into());
            }
            _ => recorder.describe_counter(name.into(), unit, text.into()),
        };
        describe(REQUESTS, None, "Requests answered; status 499 where the client hung up before the answer.");
        describe(DURATION, Some(Unit::Seconds), "From the head of the request to the end of the answer.");
        describe(IN_FLIGHT, None, "Requests being answered.");
        describe(BYTES, Some(Unit::Bytes), "Bytes of the bodies of answers.");
        describe(START_TIME, Some(Unit::Seconds), "When the process started, in seconds since 1970.");
        describe(BUILD_INFO, None, "Always 1; the label tells the version.");
        describe(WAITING, None, "Commits of this process whose events are not in the change feed yet.");
        describe(BEHIND, None, "Changes that a sink of the change feed does not have yet.");
        describe(OLDEST, Some(Unit::Seconds), "The age of the oldest change that a sink does not have yet.");
        describe(FAILING, None, "1 while every attempt to deliver to a sink fails, else 0.");
        describe(REFUSED, None, "Packages with a change that a sink refuses, while it gets those of others.");
        describe(GIVEN_UP, None, "Changes that a sink never gets, over all time and all processes.");

        let in_flight = recorder.register_gauge(&Key::from_static_name(IN_FLIGHT), &METADATA);
        let bytes = recorder.register_counter(&Key::from_static_name(BYTES), &METADATA);
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact for as long as the year has less than nine digits"
        )]
        recorder.register_gauge(&Key::from_static_name(START_TIME), &METADATA).set(start_time as f64);
        let version = vec![Label::from_static_parts("version", env!("CARGO_PKG_VERSION"))];
        recorder.register_gauge(&Key::from_parts(BUILD_INFO, version), &METADATA).set(1.0);

        let page = recorder.handle();
        Self { recorder, page, in_flight, bytes, series: RwLock::default() }
    }

    /// Counts a request in flight, until [`Metrics::left`].
    pub fn entered(&self) {
        self.in_flight.increment(1.0);
    }

    /// Ends a request in flight.
    pub fn left(&self) {
        self.in_flight.decrement(1.0);
    }

    /// Counts an answered request.
    pub fn finished(&self, request: &Finished<'_>) {
        let method = METHODS.into_iter().find(|known| *known == request.method.as_str()).unwrap_or("OTHER");
        let key = (request.route, method, request.status);
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&key) {
            series.count(request);
        } else {
            drop(known);
            let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(key).or_insert_with(|| self.register(key)).count(request);
        }
        self.bytes.increment(request.bytes);
    }

    fn register(&self, (route, method, status): SeriesKey) -> Series {
        let route = Label::from_static_parts("route", route);
        let method = Label::from_static_parts("method", method);
        let status = Label::new("status", status.to_string());
        let duration = Key::from_parts(DURATION, vec![route.clone()]);
        Series {
            requests: self
                .recorder
                .register_counter(&Key::from_parts(REQUESTS, vec![route, method, status]), &METADATA),
            duration: self.recorder.register_histogram(&duration, &METADATA),
        }
    }

    /// Sets how far the delivery of the change feed has come.
    pub fn set_deliveries(&self, waiting: u64, deliveries: &[DeliveryState], now: DateTime<Utc>) {
        let set = |name: &'static str, labels: Vec<Label>, value: f64| {
            self.recorder.register_gauge(&Key::from_parts(name, labels), &METADATA).set(value);
        };
        set(WAITING, Vec::new(), number(waiting));
        for delivery in deliveries {
            let sink = || vec![Label::new("sink", delivery.sink.clone())];
            let age = delivery.oldest_undelivered.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
            set(BEHIND, sink(), number(delivery.behind));
            set(OLDEST, sink(), number(age.unsigned_abs()));
            set(FAILING, sink(), if delivery.failing_since.is_some() { 1.0 } else { 0.0 });
            set(REFUSED, sink(), number(delivery.refused.len() as u64));
            set(GIVEN_UP, sink(), number(delivery.given_up));
        }
    }

    /// Renders the page in the Prometheus format.
    pub fn render(&self) -> String {
        self.page.render()
    }

    /// Renders the page with what the registry counted by itself.
    pub fn render_with(&self, measurements: &Measurements) -> String {
        self.render() + &measured::render(measurements)
    }

    /// Aggregates recent durations into buckets. Call it every few seconds: until then each duration takes memory.
    pub fn upkeep(&self) {
        self.page.run_upkeep();
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::expect_used, reason = "it fails for an empty list of buckets, and this one is not")]
fn build_recorder() -> PrometheusRecorder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)
        .expect("there are buckets")
        .build_recorder()
}

impl Series {
    fn count(&self, request: &Finished<'_>) {
        self.requests.increment(1);
        self.duration.record(request.took.as_secs_f64());
    }
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(method: &Method, status: u16, took: Duration) -> Finished<'_> {
        Finished { route: "tarball", method, status, took, bytes: 10 }
    }

    #[test]
    fn counts_by_route_method_and_status() {
        let metrics = Metrics::new(1_700_000_000);
        let (get, odd) = (Method::GET, Method::from_bytes(b"MADE-UP").unwrap());
        metrics.entered();
        metrics.entered();
        metrics.left();
        metrics.finished(&finished(&get, 200, Duration::from_millis(3)));
        metrics.finished(&finished(&get, 200, Duration::from_secs(3)));
        metrics.finished(&finished(&odd, 405, Duration::ZERO));
        let page = metrics.render();
        for line in [
            "# TYPE registry_requests_total counter",
            r#"registry_requests_total{route="tarball",method="GET",status="200"} 2"#,
            r#"registry_requests_total{route="tarball",method="OTHER",status="405"} 1"#,
            "# TYPE registry_request_duration_seconds histogram",
            r#"registry_request_duration_seconds_bucket{route="tarball",le="0.0025"} 1"#,
            r#"registry_request_duration_seconds_bucket{route="tarball",le="0.005"} 2"#,
            r#"registry_request_duration_seconds_bucket{route="tarball",le="+Inf"} 3"#,
            "registry_requests_in_flight 1",
            "registry_response_bytes_total 30",
            "process_start_time_seconds 1700000000",
            concat!(r#"registry_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
        ] {
            assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
        }
    }

    #[test]
    fn upkeep_loses_no_duration() {
        let metrics = Metrics::new(0);
        for _ in 0..3 {
            metrics.finished(&finished(&Method::PUT, 201, Duration::from_millis(3)));
            metrics.upkeep();
        }
        assert!(metrics.render().contains(r#"registry_request_duration_seconds_count{route="tarball"} 3"#));
    }
}
