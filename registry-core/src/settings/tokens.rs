use serde::Deserialize;

use crate::limits::TokenLifetimes;

/// `[tokens]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// How many days a token of `npm token create` lasts where nobody says; 0 for as long as the most.
    pub default_days: u32,
    /// The most days that one can ask for; 0 for ever.
    pub most_days: u32,
}

impl Default for TokenSettings {
    fn default() -> Self {
        let TokenLifetimes { default_days, most_days } = TokenLifetimes::default();
        Self { default_days: default_days.unwrap_or(0), most_days: most_days.unwrap_or(0) }
    }
}

impl TokenSettings {
    /// The same as the library takes it. A default beyond the most is the most.
    pub fn to_lifetimes(&self) -> TokenLifetimes {
        let set = |days: u32| Some(days).filter(|days| *days > 0);
        let most_days = set(self.most_days);
        let default_days = set(self.default_days).map(|days| days.min(most_days.unwrap_or(days)));
        TokenLifetimes { default_days, most_days }
    }
}
