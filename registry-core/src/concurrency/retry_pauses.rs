use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses between attempts at something that may be unavailable for long: from 100 milliseconds to 30 seconds, each
/// twice as long as the one before. For one task that nothing competes with, so without jitter.
#[derive(Debug)]
pub(crate) struct RetryPauses(Duration);

impl Default for RetryPauses {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl RetryPauses {
    /// Returns the next pause.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}
