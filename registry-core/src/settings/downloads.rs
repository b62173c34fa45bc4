use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::downloads::DownloadSettings;

/// `[downloads]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DownloadsSection {
    /// Whether downloads are counted.
    pub enabled: bool,
    /// How often counts are written to the storage.
    pub flush_seconds: NonZeroU32,
    /// For how many days counts are kept.
    pub keep_days: NonZeroU32,
}

impl Default for DownloadsSection {
    fn default() -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { enabled: true, flush_seconds: at_least_one(60), keep_days: at_least_one(550) }
    }
}

impl DownloadsSection {
    /// Converts the section to the library's settings; `None` if nothing is counted.
    pub(crate) fn to_settings(&self) -> Option<DownloadSettings> {
        let flush_every = Duration::from_secs(self.flush_seconds.get().into());
        self.enabled.then_some(DownloadSettings { flush_every, keep_days: self.keep_days.get() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(DownloadsSection::default().to_settings(), Some(DownloadSettings::default()));
    }
}
