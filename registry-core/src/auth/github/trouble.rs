use chrono::{DateTime, TimeDelta, Utc};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

/// Why GitHub gave no answer. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is unreachable, fails, or sends an invalid answer.
    Down(String),
    /// It rejects requests until this time.
    Limited(DateTime<Utc>),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down(reason) => formatter.write_str(reason),
            Self::Limited(until) => {
                write!(formatter, "its rate limit is exhausted until {}", crate::clock::timestamp(*until))
            }
        }
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    pub(super) fn down(reason: impl Into<String>) -> Self {
        Self::Down(reason.into())
    }

    /// Returns the trouble that a status reports; `None` if the status answers the request.
    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Option<Self> {
        if is_limited(status, headers, body) {
            return Some(Self::Limited(until(headers, now)));
        }
        let reason = match status {
            StatusCode::REQUEST_TIMEOUT => "it says that the request took too long".into(),
            status if status.is_server_error() => format!("it answered with status {}", status.as_u16()),
            status if status.is_redirection() => {
                "it answered with a redirect: check its configured URLs".into()
            }
            _ => return None,
        };
        Some(Self::Down(reason))
    }
}

/// Status 403 means "forbidden" or "rate limited"; only the latter says when to retry.
fn is_limited(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            let used_up = headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
            used_up
                || headers.contains_key(RETRY_AFTER)
                || String::from_utf8_lossy(body).contains("rate limit")
        }
        _ => false,
    }
}

/// Returns when to retry: after a minute if GitHub does not say, as its documentation asks.
fn until(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    const UNSAID: TimeDelta = TimeDelta::minutes(1);
    /// Limits last an hour. A longer one is an error, and must not lock all users out.
    const LONGEST: TimeDelta = TimeDelta::minutes(65);
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let after =
        number(RETRY_AFTER.as_str()).and_then(TimeDelta::try_seconds).map(|after| now + after.min(LONGEST));
    let reset = || number("x-ratelimit-reset").and_then(|at| DateTime::from_timestamp(at, 0));
    let until = after.or_else(reset).filter(|until| *until > now).unwrap_or(now + UNSAID);
    until.min(now + LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Option<Trouble> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Trouble::of(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), DateTime::UNIX_EPOCH)
    }

    fn limited(seconds: i64) -> Trouble {
        Trouble::Limited(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
    }

    #[test]
    fn limits_are_distinguished_from_refusals() {
        assert_eq!(
            read(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")], ""),
            Some(limited(900))
        );
        assert_eq!(read(429, &[("retry-after", "30"), ("x-ratelimit-reset", "900")], ""), Some(limited(30)));
        assert_eq!(read(403, &[("retry-after", "30")], ""), Some(limited(30)));
        assert_eq!(read(429, &[], ""), Some(limited(60)));
        assert_eq!(read(403, &[], "You have exceeded a secondary rate limit."), Some(limited(60)));
        assert_eq!(read(403, &[("x-ratelimit-remaining", "4999")], "Must have admin rights"), None);
    }

    #[test]
    fn an_implausible_limit_is_bounded() {
        assert_eq!(read(429, &[("x-ratelimit-reset", "-5")], ""), Some(limited(60)));
        assert_eq!(read(429, &[("retry-after", "99999999999999999")], ""), Some(limited(60)));
        assert_eq!(read(429, &[("x-ratelimit-reset", "99999999")], ""), Some(limited(65 * 60)));
        assert_eq!(read(429, &[("retry-after", "soon")], ""), Some(limited(60)));
    }

    #[test]
    fn answers_are_distinguished_from_trouble() {
        for status in [200, 401, 404, 422] {
            assert_eq!(read(status, &[], "{}"), None);
        }
        for status in [301, 408, 500, 502, 503, 504] {
            assert!(matches!(read(status, &[], "{}"), Some(Trouble::Down(_))), "{status}");
        }
    }
}
