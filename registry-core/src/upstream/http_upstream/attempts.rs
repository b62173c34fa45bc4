use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::HttpUpstream;
use super::breaker::{Paused, Permit};
use super::failure::{Failed, Unanswered};
use super::question::Question;
use crate::randomness::random_bytes;
use crate::upstream::UpstreamError;

/// The pause before the first retry, which doubles before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
#[error("no whole answer came within {} ms", .0.as_millis())]
struct TooSlow(Duration);

impl HttpUpstream {
    /// Retries until an attempt is answered, within the permitted number and time.
    pub(super) async fn attempt<Answer, Attempt>(
        &self,
        question: &Question,
        once: impl Fn() -> Attempt + Send + Sync,
    ) -> Result<Answer, UpstreamError>
    where
        Attempt: Future<Output = Result<Answer, Failed>> + Send,
    {
        let deadline = Instant::now() + self.settings.request_timeout;
        let mut retries = 0;
        let mut before = None;
        loop {
            let mut permit = match self.permit(question) {
                Ok(permit) => permit,
                Err(paused) => return Err(before.unwrap_or_else(|| self.unavailable(paused, None))),
            };
            let outcome = timeout_at(deadline, once()).await.unwrap_or_else(|_| {
                let slow = Failed::broken(TooSlow(self.settings.request_timeout));
                // If the request went there directly, that host did not answer.
                Err(match question.url.host_str() {
                    Some(host) if !self.is_trusted(&question.url) => self.failed_elsewhere(host, slow),
                    _ => slow,
                })
            });
            let answered = match outcome {
                Ok(answer) => Ok(answer),
                Err(Failed::Answered(error)) => Err(error),
                Err(Failed::Unanswered(unanswered)) => {
                    // An upstream that answered with another host is healthy.
                    let is_elsewhere = unanswered.elsewhere.is_some();
                    if let Some(permit) = permit.take_if(|_| is_elsewhere) {
                        permit.answered();
                    }
                    if let Some(probe) = permit.and_then(Permit::failed) {
                        self.probe(probe, deadline).await;
                    }
                    let pause = self.pause_before_retry(question, &unanswered, retries, deadline);
                    let error = match &unanswered.elsewhere {
                        Some(host) => self.elsewhere(host, unanswered.source),
                        None => self.unavailable(unanswered.source, unanswered.retry_after),
                    };
                    let Some(pause) = pause else { return Err(error) };
                    tracing::debug!(upstream = %self, ?error, ?pause, "retrying");
                    sleep(pause).await;
                    before = Some(error);
                    retries += 1;
                    continue;
                }
            };
            if let Some(permit) = permit {
                permit.answered();
            }
            return answered;
        }
    }

    /// Only requests to the configured host count: a packument may name tarballs anywhere.
    fn permit(&self, question: &Question) -> Result<Option<Permit>, Paused> {
        if self.is_home(&question.url) { self.breaker.admit().map(Some) } else { Ok(None) }
    }

    /// Returns the pause before a retry: what the upstream asked for, or between half and the whole of a doubling time.
    /// `None` if that exceeds the time or the limit, if a retry is not safe, or if it would time out again.
    fn pause_before_retry(
        &self,
        question: &Question,
        unanswered: &Unanswered,
        retries: u32,
        deadline: Instant,
    ) -> Option<Duration> {
        let may_repeat = !unanswered.is_sent || question.is_repeatable();
        if retries >= self.settings.retries || unanswered.is_hung || !may_repeat {
            return None;
        }
        let pause = match unanswered.retry_after {
            Some(asked) if asked > self.settings.longest_retry_after => return None,
            Some(asked) => asked,
            None => {
                let half = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retries)) / 2;
                let share = f64::from(u32::from_le_bytes(random_bytes(&*self.settings.randomness)));
                half + half.mul_f64(share / f64::from(u32::MAX))
            }
        };
        Some(pause).filter(|pause| *pause < deadline.saturating_duration_since(Instant::now()))
    }
}
