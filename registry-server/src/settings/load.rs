use std::net::{Ipv4Addr, SocketAddr};

use registry_core::settings::{FrontendSections, SettingsError, describe_config};
use serde::Deserialize;

use super::{BundleSettings, MetricsSettings, ServerSettings, Settings, TraceSettings};
use crate::command_line::Overrides;

/// The sections of `registry.toml` besides the settings of the registry.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sections {
    bundles: BundleSettings,
    listen: SocketAddr,
    metrics: MetricsSettings,
    server: ServerSettings,
    traces: TraceSettings,
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            bundles: BundleSettings::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4873)),
            metrics: MetricsSettings::default(),
            server: ServerSettings::default(),
            traces: TraceSettings::default(),
        }
    }
}

impl FrontendSections for Sections {
    const KEYS: &'static [&'static str] = &["bundles", "listen", "metrics", "server", "traces"];
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(registry_core::settings::Settings::default(), Sections::default())
    }
}

impl Settings {
    /// Parses the text of a `registry.toml`. Errors name the line.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let (registry, sections) = registry_core::settings::Settings::from_toml_with(text)?;
        Ok(Self::of(registry, sections))
    }

    /// Loads the effective settings: flags and environment over the file over the defaults.
    pub fn load(overrides: &Overrides) -> Result<Self, SettingsError> {
        let (registry, sections) = registry_core::settings::Settings::load_with(&overrides.into())?;
        let mut settings = Self::of(registry, sections);
        settings.listen = overrides.listen.unwrap_or(settings.listen);
        Ok(settings)
    }

    fn of(mut registry: registry_core::settings::Settings, sections: Sections) -> Self {
        let Sections { bundles, listen, metrics, server, traces } = sections;
        registry.legacy_prefixes.clone_from(&server.legacy_prefixes);
        Self { listen, bundles, metrics, traces, server, registry }
    }

    /// Describes the configuration that [`Settings::load`] reads, for the user.
    pub fn source(overrides: &Overrides) -> String {
        overrides.config.as_deref().map_or_else(
            || {
                "configuration file: none, so the defaults, flags and REGISTRY_ variables hold; give one with --config FILE"
                    .to_owned()
            },
            describe_config,
        )
    }

    /// Returns the names of the settings that differ from `before` and need a restart.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        // Only a command reads `bundles`, and reads it anew each time.
        let Self { listen, bundles: _, metrics, traces, server, registry } = self;
        let mut changed = registry.changed_since(&before.registry);
        changed.splice(0..0, (*listen != before.listen).then_some("listen"));
        changed.extend((*metrics != before.metrics).then_some("metrics"));
        changed.extend((*server != before.server).then_some("server"));
        changed.extend((*traces != before.traces).then_some("traces"));
        changed
    }
}
