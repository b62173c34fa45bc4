//! SIGHUP: reloads the access rules and the policies, which apply from the next request on.

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::settings::Upstreams;

use crate::command_line::Overrides;
use crate::condition::Condition;
use crate::settings::Settings;

/// Reloads the configuration on demand, as far as a running server permits.
#[derive(Debug)]
pub(crate) struct Reloading {
    overrides: Overrides,
    started_with: Settings,
}

impl Reloading {
    /// `settings` are those loaded with `overrides`.
    pub(crate) fn new(overrides: Overrides, settings: &Settings) -> Self {
        Self { overrides, started_with: settings.clone() }
    }

    /// Reloads, logs the outcome, and notes it in `condition`. An invalid configuration changes nothing. `upstreams` are those that the registry
    /// was built with.
    pub(crate) fn reload(&self, registry: &Registry, upstreams: &Upstreams, condition: &Condition) {
        if self.overrides.config.is_none() {
            tracing::warn!("SIGHUP: nothing to read again, because the server was started without --config");
            return;
        }
        let reloaded = self.try_reload(registry, upstreams);
        condition.set_settings_wrong(reloaded.is_err());
        match reloaded {
            Ok(waiting) => {
                if !waiting.is_empty() {
                    let changed = waiting.join(", ");
                    tracing::warn!("SIGHUP: these settings have changed and wait for a restart: {changed}");
                }
                tracing::info!(
                    "SIGHUP: the access rules and the policies were read again and apply from now on"
                );
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "SIGHUP: the configuration is wrong, so everything stays as it was");
            }
        }
    }

    /// Returns the names of the changed settings that need a restart.
    fn try_reload(&self, registry: &Registry, upstreams: &Upstreams) -> anyhow::Result<Vec<&'static str>> {
        let mut settings = Settings::load(&self.overrides)?;
        let changed = settings.changed_since(&self.started_with);
        // The exposure check concerns the current listen address, not a new one.
        settings.listen = self.started_with.listen;
        settings.refuse_open_doors()?;
        let rules = settings.registry.packages.compile(upstreams);
        let rules = rules.context("the rules do not fit the upstreams that the server was started with")?;
        let policy = settings.registry.policy.compile(upstreams);
        let policy =
            policy.context("the policies do not fit the upstreams that the server was started with")?;
        registry.set_access(rules);
        registry.set_policy_rules(policy);
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(changed)
    }
}
