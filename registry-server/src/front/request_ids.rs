use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// The id of a request, in requests of proxies and in responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The trace that a request belongs to, by the W3C recommendation "Trace Context".
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The most bytes of an id that a proxy gives.
const LONGEST: usize = 128;

/// Gives each request an id, which the log line and the events of the request name.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// Distinguishes this process from others.
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self { process: u32::try_from(random >> 32).unwrap_or_default(), next: AtomicU64::new(1) }
    }

    /// Returns the id that a trusted proxy gave, or the trace of the request, or a new one.
    pub(super) fn id_of(&self, headers: &HeaderMap, by_trusted_proxy: bool) -> HeaderValue {
        let given = headers.get(REQUEST_ID).filter(|id| by_trusted_proxy && is_sound(id));
        let traced = || headers.get(TRACEPARENT).filter(|_| by_trusted_proxy).and_then(trace_id);
        given.cloned().or_else(traced).unwrap_or_else(|| self.next())
    }

    fn next(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}-{number:x}", self.process);
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Whether an id is short, and safe to write into a log.
fn is_sound(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    !bytes.is_empty() && bytes.len() <= LONGEST && bytes.iter().all(is_plain)
}

/// Returns the trace id of `00-{trace}-{parent}-{flags}`.
fn trace_id(header: &HeaderValue) -> Option<HeaderValue> {
    let mut parts = header.to_str().ok()?.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_trace =
        version.len() == 2 && version != "ff" && trace.len() == 32 && is_hex(version) && is_hex(trace);
    let is_set = trace.bytes().any(|byte| byte != b'0');
    (is_trace && is_set).then(|| HeaderValue::from_str(trace).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn id_of(pairs: &[(HeaderName, &str)], by_trusted_proxy: bool) -> String {
        let ids = RequestIds { process: 0xab, next: AtomicU64::new(1) };
        ids.id_of(&headers(pairs), by_trusted_proxy).to_str().unwrap().to_owned()
    }

    #[test]
    fn an_id_comes_from_a_trusted_proxy_or_is_new() {
        const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(id_of(&[(REQUEST_ID, "abc-1")], true), "abc-1");
        assert_eq!(id_of(&[(REQUEST_ID, "abc-1")], false), "000000ab-1", "a client may not choose it");
        assert_eq!(id_of(&[(TRACEPARENT, TRACE)], true), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(id_of(&[(TRACEPARENT, TRACE)], false), "000000ab-1");
        for bad in ["", "a b", "x\"y", &"x".repeat(129)] {
            assert_eq!(id_of(&[(REQUEST_ID, bad)], true), "000000ab-1", "{bad}");
        }
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in [zero, "ff-4bf92f3577b34da6a3ce929d0e0e4736-0-01", "00-4bf9", "00"] {
            assert_eq!(id_of(&[(TRACEPARENT, bad)], true), "000000ab-1", "{bad}");
        }
    }

    #[test]
    fn no_two_requests_share_an_id() {
        let ids = RequestIds::new();
        assert_ne!(ids.next(), ids.next());
        assert_ne!(RequestIds::new().process, RequestIds::new().process);
    }
}
