use std::time::Duration;

use object_store::{ClientOptions, RetryConfig};

use super::BucketError;
use super::options::Options;

/// The connect timeout.
const CONNECT: Duration = Duration::from_secs(5);
/// The read timeout of the client. One part of an upload must complete within it.
const READ: Duration = Duration::from_secs(30);
/// How long failed requests are retried; the client that waits for the answer retries on its own.
const RETRY: Duration = Duration::from_secs(10);

/// The defaults of every bucket, before its options. A request as a whole has no timeout, since one would interrupt
/// downloads of slow clients.
pub(super) fn client_options() -> ClientOptions {
    ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT).with_read_timeout(READ)
}

/// The timeouts of requests to the cloud.
pub(super) struct Times {
    retry: Duration,
}

impl Times {
    /// Validates all times in the options; returns only the one that the client has no option for.
    pub(super) fn of(options: &Options<'_>, prefix: &str) -> Result<Self, BucketError> {
        for name in ["connect_timeout", "read_timeout", "timeout"] {
            if let Some((name, value)) = options.find(prefix, name)
                && time(name, value, Duration::from_hours(1), "1 h")?.is_zero()
            {
                return Err(BucketError::Time {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    most: "1 h",
                });
            }
        }
        let retry = match options.find(prefix, Options::RETRY) {
            Some((name, value)) => time(name, value, Duration::from_mins(5), "5 min")?,
            None => RETRY,
        };
        Ok(Self { retry })
    }

    pub(super) fn retries(&self) -> RetryConfig {
        RetryConfig { retry_timeout: self.retry, ..RetryConfig::default() }
    }
}

fn time(name: &str, value: &str, most: Duration, shown: &'static str) -> Result<Duration, BucketError> {
    match humantime::parse_duration(value) {
        Ok(time) if time <= most => Ok(time),
        _ => Err(BucketError::Time { name: name.to_owned(), value: value.to_owned(), most: shown }),
    }
}
