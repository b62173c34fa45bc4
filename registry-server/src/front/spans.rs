use http::Request;
use tracing::Span;
use tracing::field::Empty;

use registry_core::http::route::loggable_path;
use registry_core::traces::SPANS;

/// Begins the span of a request. Its name, route and status are recorded at the end, when they are known. A trace that a trusted
/// proxy began is continued; any other client could choose where its spans appear.
pub(super) fn begin<B>(request: &Request<B>, id: &str, by_trusted_proxy: bool) -> Span {
    let span = tracing::trace_span!(
        target: SPANS,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.route = Empty,
        http.response.status_code = Empty,
        url.path = Empty,
        registry.request_id = id,
    );
    if !span.is_disabled() {
        span.record("url.path", tracing::field::display(loggable_path(request.uri().path())));
        if by_trusted_proxy {
            #[cfg(feature = "otlp")]
            crate::traces::continue_trace(&span, request.headers());
        }
    }
    span
}

/// Records what the answer was.
pub(super) fn end(span: &Span, method: &str, route: &str, status: u16) {
    if span.is_disabled() {
        return;
    }
    #[cfg(feature = "otlp")]
    crate::traces::rename(span, format!("{method} {route}"));
    #[cfg(not(feature = "otlp"))]
    let _ = method;
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}
