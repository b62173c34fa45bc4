use std::time::Duration;

use object_store::{ClientOptions, RetryConfig};

use super::BucketError;
use super::options::Options;

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the cloud may say nothing. A part of an upload must be through in this time.
const READ: Duration = Duration::from_secs(30);
/// How long failed requests are tried again: the client that waits for the answer tries again itself.
const RETRY: Duration = Duration::from_secs(10);

/// What is set for every bucket before its options. The whole of a request has no limit, which would cut a download
/// off whose client is slow.
pub(super) fn client_options() -> ClientOptions {
    ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT).with_read_timeout(READ)
}

/// How long to wait for the cloud.
pub(super) struct Times {
    retry: Duration,
}

impl Times {
    /// Tries all times of the options; only the one that the client has no option for is told.
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
