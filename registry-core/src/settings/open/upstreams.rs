//! Opens the configured upstreams.

use std::sync::Arc;

use crate::proxy::UpstreamOptions;
use crate::settings::{SettingsError, Upstreams};
use crate::upstream::Upstream;

/// An upstream, its id in access rules, and its options.
pub(super) type OpenUpstream = (String, Arc<dyn Upstream>, UpstreamOptions);

/// Opens every configured upstream.
#[cfg(not(feature = "upstream-http"))]
pub(super) fn open(upstreams: &Upstreams) -> Result<Vec<OpenUpstream>, SettingsError> {
    match upstreams.keys().next() {
        None => Ok(Vec::new()),
        Some(name) => Err(SettingsError::new(format!(
            "[upstreams.{name}]: this build asks no other registry; build it with --features upstream-http"
        ))),
    }
}

/// Opens every configured upstream.
#[cfg(feature = "upstream-http")]
pub(super) fn open(upstreams: &Upstreams) -> Result<Vec<OpenUpstream>, SettingsError> {
    over_http::open(upstreams)
}

#[cfg(feature = "upstream-http")]
mod over_http {
    use std::time::Duration;

    use crate::auth::Credential;
    use crate::settings::UpstreamSettings;
    use crate::settings::error::Context as _;
    use crate::upstream::{HttpUpstream, HttpUpstreamSettings};

    use super::{Arc, OpenUpstream, SettingsError, Upstream, UpstreamOptions, Upstreams};

    pub(super) fn open(upstreams: &Upstreams) -> Result<Vec<OpenUpstream>, SettingsError> {
        let open = |(name, settings): (&String, &UpstreamSettings)| {
            let upstream = open_one(settings)
                .with_context(|| format!("[upstreams.{name}]: {} cannot be used", settings.url))?;
            tracing::info!(name, url = %settings.url, "proxying another registry");
            let options = UpstreamOptions { full_documents: settings.full_documents };
            Ok((name.clone(), Arc::new(upstream) as Arc<dyn Upstream>, options))
        };
        let (mut opened, mut wrong) = (Vec::new(), Vec::new());
        for upstream in upstreams.iter().map(open) {
            match upstream {
                Ok(upstream) => opened.push(upstream),
                Err(error) => wrong.push(error),
            }
        }
        SettingsError::of_any(wrong).map(|()| opened)
    }

    fn open_one(settings: &UpstreamSettings) -> Result<HttpUpstream, SettingsError> {
        let mut http = HttpUpstreamSettings::new(settings.url.as_url().clone());
        http.credential = token(settings)?.map(|token| Credential::Bearer(token.into()));
        http.tarball_hosts.clone_from(&settings.tarball_hosts);
        http.connect_timeout = Duration::from_secs(settings.connect_seconds);
        http.first_byte_timeout = Duration::from_secs(settings.first_byte_seconds);
        for file in &settings.certificate_files {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            http.extra_root_certificates.push(pem.into());
        }
        HttpUpstream::new(http).map_err(SettingsError::of)
    }

    fn token(settings: &UpstreamSettings) -> Result<Option<String>, SettingsError> {
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
}
