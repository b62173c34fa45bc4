//! Makes the upstreams that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use registry_core::auth::Credential;
use registry_core::proxy::UpstreamOptions;
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream};

use crate::settings::{UpstreamSettings, Upstreams};

/// An upstream, the name that rules call it by, and how it is asked.
pub(crate) type OpenUpstream = (String, Arc<dyn Upstream>, UpstreamOptions);

/// Every configured upstream.
pub(crate) fn open(upstreams: &Upstreams) -> anyhow::Result<Vec<OpenUpstream>> {
    let open = |(name, settings): (&String, &UpstreamSettings)| {
        let upstream = open_one(settings)
            .with_context(|| format!("[upstreams.{name}]: {} cannot be used", settings.url))?;
        tracing::info!(name, url = %settings.url, "standing in front of another registry");
        let mut options = UpstreamOptions::default();
        options.full_documents = settings.full_documents;
        Ok((name.clone(), Arc::new(upstream) as Arc<dyn Upstream>, options))
    };
    upstreams.iter().map(open).collect()
}

fn open_one(settings: &UpstreamSettings) -> anyhow::Result<HttpUpstream> {
    let mut http = HttpUpstreamSettings::new(settings.url.as_url().clone());
    http.credential = token(settings)?.map(|token| Credential::Bearer(token.into()));
    http.tarball_hosts.clone_from(&settings.tarball_hosts);
    http.connect_timeout = Duration::from_secs(settings.connect_seconds);
    http.first_byte_timeout = Duration::from_secs(settings.first_byte_seconds);
    for file in &settings.certificate_files {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        http.extra_root_certificates.push(pem.into());
    }
    Ok(HttpUpstream::new(http)?)
}

fn token(settings: &UpstreamSettings) -> anyhow::Result<Option<String>> {
    if let Some(variable) = &settings.token_env {
        let token = std::env::var(variable)
            .with_context(|| format!("token_env names the variable {variable}, which is not set"))?;
        return Ok(Some(token));
    }
    let Some(file) = &settings.token_file else { return Ok(None) };
    let token = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token in {}", file.display()))?;
    Ok(Some(token.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn open_with(more: &str) -> Result<HttpUpstream, String> {
        registry_testkit::install_tls_provider();
        let table = format!("[upstreams.npm]\nurl = \"https://registry.example\"\n{more}");
        let settings = Settings::from_toml(&table).unwrap();
        open_one(&settings.upstreams["npm"]).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn the_hosts_of_tarballs_reach_the_upstream() {
        open_with("tarball_hosts = [\"files.example:8443\"]").unwrap();
        let refused = open_with("tarball_hosts = [\"https://files.example\"]").unwrap_err();
        assert!(refused.contains("https://files.example"), "{refused}");
    }
}
