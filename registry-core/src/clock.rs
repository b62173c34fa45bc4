//! The source of time for this library.
//!
//! ```
//! use registry_core::clock::{Clock, SystemClock};
//! assert!(SystemClock.now().timestamp() > 1_700_000_000);
//! ```

use std::fmt::Debug;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};

/// Returns the time. Injected, so that a test can fix it.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the current time in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Formats a time for packuments: `2026-11-22T06:51:00.000Z`.
pub(crate) fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats a time for HTTP (RFC 9110, section 5.6.7): `Sun, 22 Nov 2026 06:51:00 GMT`. `None` before 1970 and after
/// 9999, which the format does not cover but a packument of another registry may contain.
pub(crate) fn http_date(moment: DateTime<Utc>) -> Option<String> {
    let is_known = moment >= DateTime::UNIX_EPOCH && moment.year() <= 9999;
    is_known.then(|| httpdate::fmt_http_date(moment.into()))
}
