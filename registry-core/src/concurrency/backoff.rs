use std::time::Duration;

use crate::randomness::{Randomness, random_bytes};

const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(200);

/// Pauses between the attempts of one writer: exponential with full jitter, from 2 to 200 milliseconds, so that writers
/// that collided do not collide again.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// Sleeps for a random part of the current pause, then doubles the pause.
    pub(crate) async fn pause(&mut self, randomness: &dyn Randomness) {
        let share = f64::from(u32::from_le_bytes(random_bytes(randomness))) / f64::from(u32::MAX);
        tokio::time::sleep(self.0.mul_f64(share)).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
