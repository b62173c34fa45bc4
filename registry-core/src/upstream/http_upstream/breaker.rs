use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A circuit breaker: pauses requests to an upstream that does not answer, and then lets a single request find out whether it
/// has recovered.
///
/// Clients choose what is requested, and a healthy upstream may fail on some names. So failures in a row only call for a
/// [`Probe`]: a request that no client chose, whose outcome decides about the pause.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_until_probe: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    paused_until: Option<Instant>,
    /// Whether the request after a pause, or a probe, is in flight.
    probing: bool,
}

/// Why no request was sent.
#[derive(Debug, thiserror::Error)]
#[error("it failed {failures} times in a row, so requests to it pause for {} ms more", remaining.as_millis())]
pub(super) struct Paused {
    failures: u32,
    remaining: Duration,
}

/// The right to send one request of a client. Dropped without a verdict, for example because its caller went away, it
/// changes nothing.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    is_first_after_pause: bool,
}

/// The duty to ask the upstream something that no client chose. Dropped without a verdict, it changes nothing.
#[derive(Debug)]
pub(super) struct Probe {
    breaker: Arc<Breaker>,
}

impl Breaker {
    /// Calls for a probe after that many failures in a row, never if 0, and pauses for `pause` if that fails too.
    pub(super) fn new(failures_until_probe: u32, pause: Duration) -> Arc<Self> {
        Arc::new(Self { failures_until_probe, pause, state: Mutex::default() })
    }

    /// Admits a request, or returns for how long none is admitted.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Permit, Paused> {
        let permit = |is_first_after_pause| Permit { breaker: Arc::clone(self), is_first_after_pause };
        let mut state = self.lock();
        let Some(until) = state.paused_until else { return Ok(permit(false)) };
        let remaining = until.saturating_duration_since(Instant::now());
        if state.probing || !remaining.is_zero() {
            return Err(Paused { failures: state.failures, remaining });
        }
        state.probing = true;
        Ok(permit(true))
    }

    /// Whether requests pause, or one is still to find out whether the upstream has recovered.
    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused_until.is_some()
    }

    fn end_pause(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.paused_until = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Records that the upstream answered, regardless of the answer.
    pub(super) fn answered(self) {
        self.breaker.end_pause();
    }

    /// Records a failure, which may concern only what was requested. Returns a probe if it is time for one.
    pub(super) fn failed(mut self) -> Option<Probe> {
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        let limit = self.breaker.failures_until_probe;
        // Requests that were in flight when the pause began do not extend it.
        let is_suspect =
            limit > 0 && state.failures >= limit && state.paused_until.is_none() && !state.probing;
        let is_due = self.is_first_after_pause || is_suspect;
        state.probing |= is_due;
        drop(state);
        // The probe takes over what was the request's.
        self.is_first_after_pause = false;
        is_due.then(|| Probe { breaker: Arc::clone(&self.breaker) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_first_after_pause {
            self.breaker.lock().probing = false;
        }
    }
}

impl Probe {
    /// Records that the upstream answered: what failed before concerned single requests.
    pub(super) fn answered(self) {
        self.breaker.end_pause();
    }

    /// Begins a pause.
    pub(super) fn failed(self) {
        self.breaker.lock().paused_until = Some(Instant::now() + self.breaker.pause);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.breaker.lock().probing = false;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn fail(breaker: &Arc<Breaker>) -> Option<Probe> {
        breaker.admit().unwrap().failed()
    }

    fn paused() -> Arc<Breaker> {
        let breaker = Breaker::new(3, PAUSE);
        assert!(fail(&breaker).is_none() && fail(&breaker).is_none());
        fail(&breaker).unwrap().failed();
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_after_failures_in_a_row_pauses() {
        let breaker = Breaker::new(2, PAUSE);
        for _ in 0..5 {
            assert!(fail(&breaker).is_none());
            breaker.admit().unwrap().answered();
        }
        assert!(fail(&breaker).is_none());
        let probe = fail(&breaker).unwrap();
        assert!(breaker.admit().is_ok() && !breaker.is_paused(), "nothing is proven yet");
        probe.failed();
        assert!(breaker.is_paused());
        let refusal = breaker.admit().unwrap_err().to_string();
        assert_eq!(refusal, "it failed 2 times in a row, so requests to it pause for 10000 ms more");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_alone_never_pause() {
        let breaker = Breaker::new(2, PAUSE);
        let mut probes = 0;
        for _ in 0..100 {
            if let Some(probe) = fail(&breaker) {
                probes += 1;
                probe.answered();
            }
        }
        assert_eq!(probes, 50, "counting begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_one_probe_at_a_time() {
        let breaker = Breaker::new(1, PAUSE);
        let probe = fail(&breaker).unwrap();
        assert!(fail(&breaker).is_none());
        drop(probe);
        assert!(fail(&breaker).is_some(), "it went away without a verdict");
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_at_a_time_ends_a_pause() {
        let breaker = paused();
        advance(Duration::from_millis(9_999)).await;
        assert!(breaker.admit().is_err());
        advance(Duration::from_millis(1)).await;
        let first = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "others wait for what it finds");
        let probe = first.failed().unwrap();
        assert!(breaker.admit().is_err(), "and for the probe");
        probe.failed();
        assert!(breaker.admit().is_err(), "it is left alone again");

        advance(PAUSE).await;
        assert!(breaker.is_paused(), "it has not answered");
        breaker.admit().unwrap().answered();
        assert!(!breaker.is_paused());
        let (one, _other) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        assert!(one.failed().is_none(), "counting begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_fails_after_a_pause_does_not_extend_it_if_the_probe_is_answered() {
        let breaker = paused();
        advance(PAUSE).await;
        fail(&breaker).unwrap().answered();
        let (_one, _other) = (breaker.admit().unwrap(), breaker.admit().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_goes_away_makes_room_for_another() {
        let breaker = paused();
        advance(PAUSE).await;
        drop(breaker.admit().unwrap());
        drop(fail(&breaker).unwrap());
        breaker.admit().unwrap().answered();
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_in_flight_do_not_extend_the_pause() {
        let breaker = Breaker::new(1, PAUSE);
        let (one, other) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        one.failed().unwrap().failed();
        advance(PAUSE / 2).await;
        assert!(other.failed().is_none());
        advance(PAUSE / 2).await;
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn zero_never_pauses() {
        let breaker = Breaker::new(0, PAUSE);
        for _ in 0..100 {
            assert!(fail(&breaker).is_none());
        }
    }
}
