use std::num::NonZeroU32;
use std::time::Duration;

use crate::search::SearchSettings;
use serde::Deserialize;

/// `[search]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSection {
    /// Whether to query upstreams too, for texts that cannot name a private package.
    pub upstream: bool,
    /// The hours after which the index is compared with the packages again.
    pub rebuild_hours: NonZeroU32,
}

impl Default for SearchSection {
    fn default() -> Self {
        Self { upstream: true, rebuild_hours: NonZeroU32::new(24).unwrap_or(NonZeroU32::MIN) }
    }
}

impl SearchSection {
    /// Converts the section to the library's settings.
    pub(crate) fn to_settings(&self) -> SearchSettings {
        let rebuild_after = Duration::from_hours(self.rebuild_hours.get().into());
        SearchSettings { upstream: self.upstream, rebuild_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(SearchSection::default().to_settings(), SearchSettings::default());
    }
}
