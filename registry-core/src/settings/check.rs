use super::{Settings, SettingsError};
use crate::access::AccessRules;

impl Settings {
    /// Refuses settings that cannot hold together, as far as they tell by themselves: nothing is opened or asked.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.checked_rules().map(drop)
    }

    /// The access rules of settings that can hold together.
    pub(super) fn checked_rules(&self) -> Result<AccessRules, SettingsError> {
        self.refuse_two_sources_of_names().map_err(SettingsError::of)?;
        self.refuse_unused_upstreams().map_err(SettingsError::of)?;
        self.check_providers().map_err(SettingsError::of)?;
        self.refuse_public_loops().map_err(SettingsError::of)?;
        self.packages.compile(&self.upstreams).map_err(SettingsError::of)
    }

    /// The names of the settings that differ from `before` and hold as long as the registry does: all but the access rules.
    pub fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        macro_rules! changed {
            ($($name:ident),*) => {{
                // A setting that is added must be named here. Legacy prefixes are in a section of the frontend.
                let Self { packages: _, legacy_prefixes: _, $($name),* } = self;
                let changed = [$((stringify!($name), *$name != before.$name)),*];
                changed.into_iter().filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
            }};
        }
        changed!(
            public_url,
            path_prefix,
            storage,
            upstreams,
            providers,
            accounts,
            login,
            tokens,
            organizations,
            trusted_publishing,
            audit,
            github,
            openid,
            search,
            htpasswd,
            limits,
            cache,
            log
        )
    }
}
