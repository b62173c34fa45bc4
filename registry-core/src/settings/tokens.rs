use serde::Deserialize;

use crate::limits::TokenLifetimes;

/// `[tokens]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// The default lifetime in days of a token of `npm token create`; 0 for the maximum.
    pub default_days: u32,
    /// The maximum lifetime in days; 0 for no limit.
    pub most_days: u32,
}

impl Default for TokenSettings {
    fn default() -> Self {
        let TokenLifetimes { default_days, most_days } = TokenLifetimes::default();
        Self { default_days: default_days.unwrap_or(0), most_days: most_days.unwrap_or(0) }
    }
}

impl TokenSettings {
    /// Converts the section to the library's settings. A default beyond the maximum is reduced to it.
    pub(crate) fn to_lifetimes(&self) -> TokenLifetimes {
        let set = |days: u32| Some(days).filter(|days| *days > 0);
        let most_days = set(self.most_days);
        let default_days = set(self.default_days).map(|days| days.min(most_days.unwrap_or(days)));
        TokenLifetimes { default_days, most_days }
    }
}
