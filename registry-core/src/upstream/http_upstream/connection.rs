use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use reqwest::{Client, ClientBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::hosts::AllowedHost;
use super::{HttpUpstreamError, HttpUpstreamSettings};
use crate::outbound::{NoClient, Outbound, Proxies, PublicHosts};
use crate::vocabulary::Credential;

/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_mins(1);

/// Rejects an invalid base URL, with a reason that contains no part of it: it may hold a secret.
pub(super) fn check_url(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password: configure them as its credential instead");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a ? or a #: remove it and what follows, because paths are appended");
    }
    Ok(())
}

/// Parses the hosts that the settings allow.
pub(super) fn allowed_hosts(settings: &HttpUpstreamSettings) -> Result<Vec<AllowedHost>, HttpUpstreamError> {
    let read = |host: &String| {
        let refused =
            || HttpUpstreamError::TarballHost { upstream: settings.name.clone(), host: host.clone() };
        AllowedHost::parse(host).ok_or_else(refused)
    };
    settings.tarball_hosts.iter().map(read).collect()
}

/// Returns the proxies that the settings permit.
pub(super) fn proxies(settings: &HttpUpstreamSettings) -> Proxies {
    if settings.proxy_from_environment { Proxies::from_environment() } else { Proxies::default() }
}

/// Creates a client for the upstream. It decodes nothing: bytes are passed on as received.
pub(super) fn client(settings: &HttpUpstreamSettings) -> Result<Client, HttpUpstreamError> {
    client_with(settings, |builder| builder)
}

/// Creates a client for hosts that the upstream names. It shares no connection with the other client, and connects to
/// public addresses only.
pub(super) fn public_client(
    settings: &HttpUpstreamSettings,
    proxies: &Proxies,
) -> Result<Client, HttpUpstreamError> {
    client_with(settings, |builder| builder.dns_resolver(Arc::new(PublicHosts(proxies.clone()))))
}

fn client_with(
    settings: &HttpUpstreamSettings,
    set: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, HttpUpstreamError> {
    let outbound = Outbound {
        extra_root_certificates: &settings.extra_root_certificates,
        connect_timeout: settings.connect_timeout,
        proxy_from_environment: settings.proxy_from_environment,
    };
    let upstream = settings.name.clone();
    outbound.client(|builder| set(builder.pool_idle_timeout(IDLE))).map_err(|reason| match reason {
        NoClient::TlsProvider => HttpUpstreamError::NoTlsProvider,
        NoClient::Certificates(source) => HttpUpstreamError::Certificates { upstream, source },
        NoClient::Client(source) => HttpUpstreamError::Client { upstream, source },
    })
}

/// Returns the `Authorization` header, marked so that it is never printed.
pub(super) fn authorization(
    settings: &HttpUpstreamSettings,
) -> Result<Option<HeaderValue>, HttpUpstreamError> {
    let Some(credential) = &settings.credential else { return Ok(None) };
    let text = SecretString::from(match credential {
        Credential::Bearer(token) => format!("Bearer {}", token.expose_secret()),
        Credential::Basic { name, password } => {
            format!("Basic {}", STANDARD.encode(format!("{name}:{}", password.expose_secret())))
        }
    });
    let mut value = HeaderValue::try_from(text.expose_secret())
        .map_err(|_| HttpUpstreamError::Credential { upstream: settings.name.clone() })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    // No other test of this crate installs a provider, which is process-wide.
    #[test]
    fn without_a_tls_provider_there_is_an_error_and_no_panic() {
        let settings = HttpUpstreamSettings::new(Url::parse("https://registry.example/").unwrap());
        assert!(matches!(client(&settings), Err(HttpUpstreamError::NoTlsProvider)));
    }
}
