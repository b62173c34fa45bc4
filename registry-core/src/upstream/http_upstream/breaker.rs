use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A circuit breaker: pauses requests to an upstream after several failures in a row, and then lets a single request
/// probe whether it has recovered.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_until_pause: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    paused_until: Option<Instant>,
    probing: bool,
}

/// Why no request was sent.
#[derive(Debug, thiserror::Error)]
#[error("it failed {failures} times in a row, so requests to it pause for {} ms more", remaining.as_millis())]
pub(super) struct Paused {
    failures: u32,
    remaining: Duration,
}

/// The right to send one request. Dropped without a verdict, for example because its caller went away, it changes
/// nothing.
#[derive(Debug)]
pub(super) struct Permit<'breaker> {
    breaker: &'breaker Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Pauses for `pause` after that many failures in a row; never if 0.
    pub(super) fn new(failures_until_pause: u32, pause: Duration) -> Self {
        Self { failures_until_pause, pause, state: Mutex::default() }
    }

    /// Admits a request, or returns for how long none is admitted.
    pub(super) fn admit(&self) -> Result<Permit<'_>, Paused> {
        let mut state = self.lock();
        let Some(until) = state.paused_until else { return Ok(Permit { breaker: self, is_probe: false }) };
        let remaining = until.saturating_duration_since(Instant::now());
        if state.probing || !remaining.is_zero() {
            return Err(Paused { failures: state.failures, remaining });
        }
        state.probing = true;
        Ok(Permit { breaker: self, is_probe: true })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records that the upstream answered, regardless of the answer.
    pub(super) fn answered(self) {
        *self.breaker.lock() = State::default();
    }

    /// Records a failure of the upstream. Returns whether this begins a pause.
    pub(super) fn failed(self) -> bool {
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        // Requests that were in flight when the pause began do not extend it.
        let pauses = self.is_probe || state.failures == self.breaker.failures_until_pause;
        if pauses {
            state.paused_until = Some(Instant::now() + self.breaker.pause);
        }
        pauses
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn paused() -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        let verdicts: Vec<_> = (0..3).map(|_| breaker.admit().unwrap().failed()).collect();
        assert_eq!(verdicts, [false, false, true]);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_after_failures_in_a_row_only() {
        let breaker = Breaker::new(2, PAUSE);
        for _ in 0..5 {
            assert!(!breaker.admit().unwrap().failed());
            breaker.admit().unwrap().answered();
        }
        assert!(!breaker.admit().unwrap().failed());
        assert!(breaker.admit().unwrap().failed());
        let refusal = breaker.admit().unwrap_err().to_string();
        assert_eq!(refusal, "it failed 2 times in a row, so requests to it pause for 10000 ms more");
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_decides() {
        let breaker = paused();
        advance(Duration::from_millis(9_999)).await;
        assert!(breaker.admit().is_err());
        advance(Duration::from_millis(1)).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "while one asks, others wait for what it finds");
        assert!(probe.failed());
        assert!(breaker.admit().is_err(), "it is left alone again");

        advance(PAUSE).await;
        breaker.admit().unwrap().answered();
        let (one, _other) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        assert!(!one.failed(), "counting begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_goes_away_makes_room_for_another() {
        let breaker = paused();
        advance(PAUSE).await;
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().answered();
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_in_flight_do_not_extend_the_pause() {
        let breaker = Breaker::new(1, PAUSE);
        let (one, other) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        assert!(one.failed());
        advance(PAUSE / 2).await;
        assert!(!other.failed());
        advance(PAUSE / 2).await;
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn zero_never_pauses() {
        let breaker = Breaker::new(0, PAUSE);
        for _ in 0..100 {
            assert!(!breaker.admit().unwrap().failed());
        }
    }
}
