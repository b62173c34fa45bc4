use std::time::Duration;

/// How downloads are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadSettings {
    /// How often counts are written to the store. A process that is killed loses those since the last time. Default: a
    /// minute.
    pub flush_every: Duration,
    /// For how many days counts are kept, rounded up to whole months. Default: 550, which is 18 months, the longest
    /// period that can be asked for.
    pub keep_days: u32,
}

impl Default for DownloadSettings {
    fn default() -> Self {
        Self { flush_every: Duration::from_mins(1), keep_days: 550 }
    }
}
