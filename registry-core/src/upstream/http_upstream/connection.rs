use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use reqwest::{Certificate, Client, redirect};
use rustls::crypto::CryptoProvider;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{HttpUpstreamError, HttpUpstreamSettings};
use crate::auth::Credential;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_mins(1);

/// Refuses what is no base URL, with a reason that shows nothing of it: it may hold a secret.
pub(super) fn check_url(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password: configure them as its credential instead");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a ? or a #: leave out what follows, for paths are added to it");
    }
    Ok(())
}

/// A client that does what is asked of it and no more: it follows no redirect, decodes nothing, keeps no cookies.
pub(super) fn client(settings: &HttpUpstreamSettings) -> Result<Client, HttpUpstreamError> {
    // The client would panic.
    if CryptoProvider::get_default().is_none() {
        return Err(HttpUpstreamError::NoTlsProvider);
    }
    let upstream = || settings.name.clone();
    let mut certificates = Vec::new();
    for pem in &settings.extra_root_certificates {
        let parsed = Certificate::from_pem_bundle(pem).map_err(Into::into).and_then(|parsed| {
            if parsed.is_empty() { Err("no certificate is in it".into()) } else { Ok(parsed) }
        });
        certificates.extend(
            parsed.map_err(|source| HttpUpstreamError::Certificates { upstream: upstream(), source })?,
        );
    }
    let mut builder = Client::builder()
        .user_agent(concat!("registry-core/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE);
    if !certificates.is_empty() {
        builder = builder.tls_certs_merge(certificates);
    }
    if !settings.proxy_from_environment {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| HttpUpstreamError::Client {
        upstream: upstream(),
        source: error.without_url().into(),
    })
}

/// The `Authorization` header, marked so that nothing prints it.
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

    // No other test of this crate installs a provider, which is the whole process's.
    #[test]
    fn without_a_tls_provider_there_is_an_error_and_no_panic() {
        let settings = HttpUpstreamSettings::new(Url::parse("https://registry.example/").unwrap());
        assert!(matches!(client(&settings), Err(HttpUpstreamError::NoTlsProvider)));
    }
}
