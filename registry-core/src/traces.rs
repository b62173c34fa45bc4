//! Distributed traces: a span for each request, storage operation and request to an upstream.
//!
//! The spans are those of `tracing`, with the target [`SPANS`] at the level `TRACE`. Without a subscriber for them, each costs
//! one comparison. Their fields follow the semantic conventions of OpenTelemetry where these have one.

use std::fmt::Debug;

use http::HeaderMap;

/// The target of all spans, for the filter of a subscriber.
pub const SPANS: &str = "registry::spans";

/// Begins a span below the current one. What belongs to no request has none.
macro_rules! inner_span {
    ($($fields:tt)*) => {
        if tracing::span_enabled!(target: $crate::traces::SPANS, tracing::Level::TRACE)
            && !tracing::Span::current().is_none()
        {
            tracing::trace_span!(target: $crate::traces::SPANS, $($fields)*)
        } else {
            tracing::Span::none()
        }
    };
}

pub(crate) use inner_span;

/// Tells other services which trace a request to them belongs to.
pub trait TraceContext: Debug + Send + Sync + 'static {
    /// Returns the headers that continue the trace of the current span, such as `traceparent` of the W3C recommendation
    /// "Trace Context". None outside a span.
    fn headers(&self) -> HeaderMap;
}
