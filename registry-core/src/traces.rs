//! Distributed traces: a span for each request, storage operation and request to an upstream.
//!
//! The spans are those of `tracing`, with the target [`SPANS`] at the level `TRACE`. Without a subscriber for them, each costs
//! one comparison. Their fields follow the semantic conventions of OpenTelemetry where these have one.

use std::fmt::Debug;

use http::HeaderMap;

/// The target of all spans, for the filter of a subscriber.
pub const SPANS: &str = "registry::spans";

/// Tells other services which trace a request to them belongs to.
pub trait TraceContext: Debug + Send + Sync + 'static {
    /// Returns the headers that continue the trace of the current span, such as `traceparent` of the W3C recommendation
    /// "Trace Context". None outside a span.
    fn headers(&self) -> HeaderMap;
}
