use std::time::Duration;

/// How the change feed works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeFeedSettings {
    /// How long a change is kept in the feed. A sink that is behind by more loses changes. Default: 30 days.
    pub keep: Duration,
    /// How often this process looks for events that a crashed process left behind. Default: 15 seconds.
    pub recover_every: Duration,
    /// After how long the events of another process's commit are taken over. Default: 15 seconds.
    pub take_over_after: Duration,
}

impl Default for ChangeFeedSettings {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(30 * 24),
            recover_every: Duration::from_secs(15),
            take_over_after: Duration::from_secs(15),
        }
    }
}

/// How changes are delivered to one sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliverySettings {
    /// How long a change is tried again before it is given up; `None` for as long as the feed keeps it. Default: `None`.
    pub give_up_after: Option<Duration>,
    /// How long one attempt may take. Default: 30 seconds.
    pub timeout: Duration,
    /// How many changes one attempt delivers at most. Default: 64.
    pub batch: usize,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self { give_up_after: None, timeout: Duration::from_secs(30), batch: 64 }
    }
}
