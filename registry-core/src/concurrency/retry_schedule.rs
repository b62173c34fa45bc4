use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The pause after the first failure. Each further pause doubles.
const FIRST: TimeDelta = TimeDelta::seconds(1);
/// The longest pause.
const LONGEST: TimeDelta = TimeDelta::minutes(30);

/// The failures in a row of something that is tried again, as they are stored, so that any process knows when the next
/// attempt is: after a second, and then after pauses of twice the length, up to 30 minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetrySchedule {
    pub(crate) since: DateTime<Utc>,
    attempts: u32,
    pub(crate) next: DateTime<Utc>,
}

impl RetrySchedule {
    /// Begins with an attempt that is due at once.
    pub(crate) fn begin(now: DateTime<Utc>) -> Self {
        Self { since: now, attempts: 0, next: now }
    }

    pub(crate) fn fail_again(&mut self, now: DateTime<Utc>) {
        let pause = (FIRST * 2_i32.pow(self.attempts.min(20))).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        self.next = now + pause;
    }

    /// Whether it has failed for so long that it is given up; `None` for never.
    pub(crate) fn is_over(&self, now: DateTime<Utc>, give_up_after: Option<Duration>) -> bool {
        let limit = give_up_after.and_then(|limit| TimeDelta::from_std(limit).ok());
        limit.is_some_and(|limit| now - self.since >= limit)
    }

    /// Returns the time until the next attempt.
    pub(crate) fn pause(&self, now: DateTime<Utc>) -> Duration {
        (self.next - now).to_std().unwrap_or_default()
    }
}
