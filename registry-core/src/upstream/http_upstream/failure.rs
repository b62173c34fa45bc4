use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use reqwest::StatusCode;

use super::HttpUpstream;
use crate::upstream::UpstreamError;
use crate::vocabulary::BoxError;

/// Why one attempt failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// The upstream answered, and a retry would give the same answer.
    Answered(UpstreamError),
    /// The upstream did not answer, or asked for a retry.
    Unanswered(Unanswered),
}

#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) source: BoxError,
    pub(super) retry_after: Option<Duration>,
    /// Whether the upstream may have read the request.
    pub(super) is_sent: bool,
    /// The host that did not answer, if the upstream answered and named it.
    pub(super) elsewhere: Option<String>,
    /// Whether it timed out, so that a retry would take as long.
    pub(super) is_hung: bool,
}

impl From<UpstreamError> for Failed {
    fn from(error: UpstreamError) -> Self {
        Self::Answered(error)
    }
}

impl Failed {
    /// No response arrived. The text contains no URL, since a redirect's may be signed.
    pub(super) fn no_response(error: reqwest::Error, is_first_hop: bool) -> Self {
        let is_sent = !(is_first_hop && error.is_connect());
        let source = error.without_url().into();
        Self::Unanswered(Unanswered { source, retry_after: None, is_sent, elsewhere: None, is_hung: false })
    }

    /// A response was cut off.
    pub(super) fn cut(error: reqwest::Error) -> Self {
        Self::broken(error.without_url())
    }

    /// The connection failed after the request was sent.
    pub(super) fn broken(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::Unanswered(Unanswered {
            source,
            retry_after: None,
            is_sent: true,
            elsewhere: None,
            is_hung: false,
        })
    }

    /// No answer began in time.
    pub(super) fn hung(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::Unanswered(Unanswered {
            source,
            retry_after: None,
            is_sent: true,
            elsewhere: None,
            is_hung: true,
        })
    }

    /// A status that asks for a retry.
    pub(super) fn status(status: StatusCode, headers: &HeaderMap) -> Self {
        Self::Unanswered(Unanswered {
            source: format!("it answered with status {}", status.as_u16()).into(),
            retry_after: retry_after(headers),
            is_sent: true,
            elsewhere: None,
            is_hung: false,
        })
    }
}

/// Parses `Retry-After`. A date is relative to the upstream's own `Date`, so that clocks need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    date(after)?.duration_since(date(text(DATE)?)?).ok()
}

impl HttpUpstream {
    pub(super) fn unavailable(
        &self,
        source: impl Into<BoxError>,
        retry_after: Option<Duration>,
    ) -> UpstreamError {
        UpstreamError::Unavailable { upstream: self.to_string(), retry_after, source: source.into() }
    }

    /// A host that the upstream named did not answer.
    pub(super) fn elsewhere(&self, host: &str, source: impl Into<BoxError>) -> UpstreamError {
        UpstreamError::Elsewhere { upstream: self.to_string(), host: host.to_owned(), source: source.into() }
    }

    /// A failure at a host that the upstream named. All of them look alike.
    pub(super) fn failed_elsewhere(&self, host: &str, failed: Failed) -> Failed {
        match failed {
            Failed::Answered(error @ UpstreamError::Elsewhere { .. }) => error.into(),
            Failed::Answered(error) => self.elsewhere(host, error).into(),
            Failed::Unanswered(unanswered) => {
                Failed::Unanswered(Unanswered { elsewhere: Some(host.to_owned()), ..unanswered })
            }
        }
    }

    /// A redirect that cannot be followed.
    pub(super) fn astray(&self, reason: impl Into<String>) -> UpstreamError {
        UpstreamError::Redirect { upstream: self.to_string(), reason: reason.into() }
    }

    pub(super) fn refused(&self, status: StatusCode) -> UpstreamError {
        UpstreamError::Refused { upstream: self.to_string(), status: status.as_u16() }
    }

    pub(super) fn loops(&self) -> UpstreamError {
        UpstreamError::Loop { upstream: self.to_string() }
    }

    pub(super) fn unusable(&self, reason: impl Into<String>) -> UpstreamError {
        UpstreamError::Unusable { upstream: self.to_string(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |after: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            date.map(|date| headers.insert(DATE, date.parse().unwrap()));
            retry_after(&headers).map(|duration| duration.as_secs())
        };
        let (now, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(read(" 120 ", None), Some(120));
        assert_eq!(read(later, Some(now)), Some(60));
        for (after, date) in [(now, Some(later)), (later, None), ("-1", None), ("soon", Some(now))] {
            assert_eq!(read(after, date), None, "{after}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
