//! What is wrong with a running server, for `/-/ready`.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use registry_core::changes::DeliveryState;
use registry_core::{Readiness, ReadinessFinding};
use serde::{Deserialize, Serialize};

/// A sink that has failed for longer is more than one that restarts.
const LONG: TimeDelta = TimeDelta::minutes(10);

/// What the server knows that its registry does not.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    is_stopping: AtomicBool,
    has_wrong_settings: AtomicBool,
    has_failing_sink: AtomicBool,
}

/// Something wrong with a server. Its text may be shown to every client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFinding {
    pub(crate) kind: String,
    pub(crate) level: Level,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Requests cannot be served.
    Error,
    /// Requests are served, and an operator should look.
    Warning,
}

/// The body of `/-/ready`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadyAnswer {
    pub(crate) ok: bool,
    /// The first error, where npm clients and people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) findings: Vec<ServerFinding>,
}

impl Condition {
    /// Notes that the server is stopping.
    pub(crate) fn begin_to_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Notes whether the settings were right when they were last read again.
    pub(crate) fn set_settings_wrong(&self, are_wrong: bool) {
        self.has_wrong_settings.store(are_wrong, Ordering::Relaxed);
    }

    /// Notes how far the delivery of the change feed has come.
    pub(crate) fn set_deliveries(&self, deliveries: &[DeliveryState], now: DateTime<Utc>) {
        let is_failing = deliveries.iter().any(|delivery| {
            let refused = delivery.refused.iter().map(|refused| refused.since);
            refused.chain(delivery.failing_since).any(|since| has_failed_long(since, now))
        });
        self.has_failing_sink.store(is_failing, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    fn warnings(&self) -> impl Iterator<Item = ServerFinding> {
        let warnings = [
            (
                &self.has_wrong_settings,
                "settings-not-reloaded",
                "the settings were wrong when they were last read again, so the old access rules still apply: see the log, \
                 correct the file, and send SIGHUP",
            ),
            (
                &self.has_failing_sink,
                "deliveries-failing",
                "a receiver of changes has failed or refused one for more than 10 minutes, so changes wait for it: run \
                 `registry-server doctor`, which names it",
            ),
        ];
        let held = warnings.into_iter().filter(|(flag, ..)| flag.load(Ordering::Relaxed));
        held.map(|(_, kind, message)| ServerFinding::new(kind, Level::Warning, message))
    }
}

/// Whether a sink that fails since then has failed for long.
fn has_failed_long(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - since >= LONG
}

impl ServerFinding {
    pub(crate) fn new(kind: &str, level: Level, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), level, message: message.into() }
    }
}

impl From<&ReadinessFinding> for ServerFinding {
    fn from(finding: &ReadinessFinding) -> Self {
        let level = if finding.is_fatal() { Level::Error } else { Level::Warning };
        Self::new(finding.kind(), level, finding.to_string())
    }
}

impl ReadyAnswer {
    /// Combines what the registry and the server know.
    pub(crate) fn new(readiness: &Readiness, condition: &Condition) -> Self {
        let of_registry = readiness.findings.iter().map(ServerFinding::from);
        Self::of(of_registry.chain(condition.warnings()).collect())
    }

    /// The server is stopping: what else is wrong does not matter any more.
    pub(crate) fn stopping() -> Self {
        Self::of(vec![ServerFinding::new("stopping", Level::Error, "the server is stopping")])
    }

    /// The store did not answer within the time of a health check.
    pub(crate) fn too_slow(condition: &Condition) -> Self {
        let message = "the storage does not answer in time: see the log, and check that it runs and that this machine reaches it";
        let slow = ServerFinding::new("storage-slow", Level::Error, message);
        Self::of(std::iter::once(slow).chain(condition.warnings()).collect())
    }

    fn of(findings: Vec<ServerFinding>) -> Self {
        let first = findings.iter().find(|finding| finding.level == Level::Error);
        let error = first.map(|finding| finding.message.clone());
        Self { ok: error.is_none(), error, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_has_just_begun_to_fail_is_no_finding() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        assert!(!has_failed_long(now - TimeDelta::minutes(9), now));
        assert!(has_failed_long(now - LONG, now));
    }
}
