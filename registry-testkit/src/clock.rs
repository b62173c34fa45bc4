use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use registry_core::clock::Clock;

/// A clock that goes only when it is told to. It starts at 2026-01-02T03:04:05.000Z.
///
/// ```
/// use std::time::Duration;
/// use registry_core::clock::Clock;
/// use registry_testkit::FixedClock;
/// let clock = FixedClock::new();
/// clock.advance(Duration::from_secs(55));
/// assert_eq!(clock.now().to_string(), "2026-01-02 03:05:00 UTC");
/// assert_eq!(clock.now(), clock.now());
/// ```
#[derive(Debug)]
pub struct FixedClock {
    now: Mutex<DateTime<Utc>>,
    tick: Duration,
}

impl FixedClock {
    /// A clock at the usual start.
    pub fn new() -> Self {
        Self::starting_at(DateTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045))
    }

    /// A clock at another start.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { now: Mutex::new(start), tick: Duration::ZERO }
    }

    /// Lets the clock go on by a millisecond each time it is read, so that no two times are the same.
    #[must_use]
    pub fn ticking(self) -> Self {
        Self { tick: Duration::from_millis(1), ..self }
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let read = *now;
        *now += self.tick;
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticking_clock_never_tells_the_same_time_twice() {
        let clock = FixedClock::new().ticking();
        let first = clock.now();
        assert_eq!(first.to_rfc3339(), "2026-01-02T03:04:05+00:00");
        assert_eq!(clock.now() - first, chrono::TimeDelta::milliseconds(1));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now() - first, chrono::TimeDelta::milliseconds(1_002));
    }
}
