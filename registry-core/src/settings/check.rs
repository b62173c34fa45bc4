use super::{RecallingSeverity, Settings, SettingsError, Withdrawn, changes};
use crate::access::AccessRules;

/// Recalls have no list to be in.
#[derive(Debug, thiserror::Error)]
#[error(
    "[recall] needs the list of blocked versions: set enabled = true in [block_list], or remove its lines"
)]
struct RecallsWithoutList;

impl Settings {
    /// Rejects inconsistent settings, as far as they can be checked alone: opens nothing and sends no request.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.checked_rules().map(drop)
    }

    /// Returns the access rules of consistent settings.
    pub(super) fn checked_rules(&self) -> Result<AccessRules, SettingsError> {
        let checked = [
            self.refuse_two_sources_of_names().map_err(SettingsError::of),
            self.refuse_unused_upstreams().map_err(SettingsError::of),
            self.check_providers().map_err(SettingsError::of),
            self.refuse_public_loops().map_err(SettingsError::of),
            self.refuse_recalls_without_list(),
            changes::check(self),
        ];
        let mut wrong: Vec<_> = checked.into_iter().filter_map(Result::err).collect();
        match self.packages.compile(&self.upstreams) {
            Ok(rules) if wrong.is_empty() => return Ok(rules),
            Ok(_) => {}
            Err(error) => wrong.push(SettingsError::of(error)),
        }
        Err(SettingsError::of_several(wrong))
    }

    fn refuse_recalls_without_list(&self) -> Result<(), SettingsError> {
        let recalls =
            self.recall.withdrawn == Withdrawn::Recall || self.recall.advisories != RecallingSeverity::Off;
        if recalls && !self.block_list.enabled {
            return Err(SettingsError::of(RecallsWithoutList));
        }
        Ok(())
    }

    /// Returns the names of the settings that differ from `before` and need a restart: all but the access rules, the policies, and
    /// those that only commands read.
    pub fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        macro_rules! changed {
            ($($name:ident),*) => {{
                // Add every new setting here. Legacy prefixes are in a section of the frontend.
                let Self { packages: _, policy: _, retain: _, legacy_prefixes: _, $($name),* } = self;
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
            advisories,
            github,
            openid,
            search,
            htpasswd,
            limits,
            cache,
            block_list,
            recall,
            similar_names,
            changes,
            downloads,
            webhooks,
            sns,
            hooks,
            codebox_log,
            signing,
            provenance,
            log,
            web
        )
    }
}
