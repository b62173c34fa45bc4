//! The settings of the server: those of the registry, which `registry-core` parses, and the server's own sections, in
//! one `registry.toml`.
//!
//! ```
//! use registry_server::settings::Settings;
//! let settings = Settings::from_toml("[accounts]\nsign_up = false").unwrap();
//! assert!(!settings.registry.accounts.sign_up);
//! assert_eq!(settings.listen.to_string(), "127.0.0.1:4873");
//! let refusal = Settings::from_toml("\nlisen = \"127.0.0.1:80\"").unwrap_err().to_string();
//! assert!(refusal.contains("line 2") && refusal.contains("lisen"), "{refusal}");
//! ```

mod bundles;
mod environment;
mod exposure;
mod load;
mod loops;
mod npm_config;
mod server;
#[cfg(test)]
mod tests;
mod traces;
mod values;
mod warnings;

use std::net::SocketAddr;

use serde::Deserialize;

pub use bundles::BundleSettings;
pub use exposure::ExposureError;
pub use npm_config::{NpmRegistry, npm_registry};
pub use server::ServerSettings;
pub use traces::{CollectorUrl, SampleRatio, TraceSettings};
pub use values::{HostName, Network};

/// A `registry.toml` in which every key is commented out, with its default and its meaning.
pub const TEMPLATE: &str = include_str!("../../registry.toml.template");

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Bundles of other registries.
    pub bundles: BundleSettings,
    /// The Prometheus metrics.
    pub metrics: MetricsSettings,
    /// Spans sent to a collector.
    pub traces: TraceSettings,
    /// Connections and shutdown.
    pub server: ServerSettings,
    /// The settings of the registry.
    pub registry: registry_core::settings::Settings,
}

/// `[metrics]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Whether `/-/metrics` answers other machines too.
    pub public: bool,
}
