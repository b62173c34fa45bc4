use registry_core::settings::{FrontendSections, LegacyPrefix};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The sections of `registry-server`, so that one `registry.toml` serves both. A key that the server does not know is
/// rejected here too; a value without a meaning on Lambda is ignored.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSections {
    bundles: BundlesSection,
    listen: IgnoredAny,
    metrics: MetricsSection,
    pub(crate) server: ServerSection,
    traces: TracesSection,
}

/// `[bundles]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BundlesSection {
    trusted_keys: IgnoredAny,
}

/// `[metrics]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricsSection {
    public: IgnoredAny,
}

/// `[traces]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TracesSection {
    endpoint: IgnoredAny,
    ratio: IgnoredAny,
}

/// `[server]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSection {
    /// Paths of other registries, below which packages are served too.
    pub(crate) legacy_prefixes: Vec<LegacyPrefix>,
    shutdown_seconds: IgnoredAny,
    header_read_seconds: IgnoredAny,
    connections: IgnoredAny,
    connections_per_address: IgnoredAny,
    streams_per_connection: IgnoredAny,
    progress_seconds: IgnoredAny,
    least_bytes_per_second: IgnoredAny,
    trusted_proxies: IgnoredAny,
    only_proxies_connect: IgnoredAny,
    hosts: IgnoredAny,
}

impl FrontendSections for ServerSections {
    const KEYS: &'static [&'static str] = &["bundles", "listen", "metrics", "server", "traces"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use registry_core::settings::{Settings, SettingsError};

    use super::*;

    /// Returns the keys that the error for an unknown one lists.
    fn keys(refused: Option<SettingsError>) -> BTreeSet<String> {
        let refused = refused.unwrap().to_string();
        let (_, known) = refused.split_once(" settings there are ").unwrap();
        known.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_keys_are_those_of_the_server() {
        for header in ["", "[bundles]", "[metrics]", "[server]", "[traces]"] {
            let text = format!("{header}\nno_such_key = 1");
            let here = keys(Settings::from_toml_with::<ServerSections>(&text).err());
            assert_eq!(here, keys(registry_server::settings::Settings::from_toml(&text).err()));
        }
    }

    #[test]
    fn a_file_of_the_server_is_read() {
        let text = "listen = \"0.0.0.0:80\"\n[metrics]\npublic = true\n[server]\nhosts = [\"npm.example\"]\n\
                    legacy_prefixes = [\"/api/npm\"]\n[accounts]\nsign_up = false";
        let (settings, sections) = Settings::from_toml_with::<ServerSections>(text).unwrap();
        assert!(!settings.accounts.sign_up);
        assert_eq!(sections.server.legacy_prefixes, ["/api/npm".parse().unwrap()]);
        let refused = Settings::from_toml_with::<ServerSections>("[server]\nlegacy_prefixes = [\"npm\"]");
        assert!(refused.err().unwrap().to_string().contains("legacy prefix"));
    }
}
