//! SIGHUP: what the configuration says of access is read again and holds from the next request on.

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::settings::Upstreams;

use crate::command_line::Overrides;
use crate::settings::Settings;

/// Reads the configuration again when told to, and changes what can be changed while the server runs.
#[derive(Debug)]
pub(crate) struct Reloading {
    overrides: Overrides,
    started_with: Settings,
}

impl Reloading {
    /// `settings` are those that were loaded with `overrides`.
    pub(crate) fn new(overrides: Overrides, settings: &Settings) -> Self {
        Self { overrides, started_with: settings.clone() }
    }

    /// Does it, and says in the log what came of it. A configuration that is wrong changes nothing. `upstreams` are
    /// those that the registry was built with.
    pub(crate) fn reload(&self, registry: &Registry, upstreams: &Upstreams) {
        if self.overrides.config.is_none() {
            tracing::warn!("SIGHUP: nothing to read again, because the server was started without --config");
            return;
        }
        match self.try_reload(registry, upstreams) {
            Ok(waiting) => {
                if !waiting.is_empty() {
                    let changed = waiting.join(", ");
                    tracing::warn!("SIGHUP: these settings have changed and wait for a restart: {changed}");
                }
                tracing::info!("SIGHUP: the access rules were read again and hold from now on");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "SIGHUP: the configuration is wrong, so everything stays as it was");
            }
        }
    }

    /// Answers the names of settings that have changed and that only a restart can change.
    fn try_reload(&self, registry: &Registry, upstreams: &Upstreams) -> anyhow::Result<Vec<&'static str>> {
        let mut settings = Settings::load(&self.overrides)?;
        let changed = settings.changed_since(&self.started_with);
        // Who is let in is a question of where the server listens, not of where it will.
        settings.listen = self.started_with.listen;
        settings.refuse_open_doors()?;
        let rules = settings.registry.packages.compile(upstreams);
        let rules = rules.context("the rules do not fit the upstreams that the server was started with")?;
        registry.set_access(rules);
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(changed)
    }
}
