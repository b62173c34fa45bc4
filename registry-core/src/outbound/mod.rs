//! The HTTP client of every adapter that calls a service, with minimal features.

#[cfg(any(feature = "hooks", feature = "upstream-http"))]
mod public_address;
#[cfg(any(feature = "hooks", feature = "upstream-http"))]
mod public_hosts;

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use rustls::crypto::CryptoProvider;

use crate::vocabulary::BoxError;

#[cfg(any(feature = "hooks", feature = "upstream-http"))]
pub(crate) use public_hosts::{Proxies, PublicHosts, check_public};

/// The connection settings of a service.
pub(crate) struct Outbound<'a> {
    /// PEM certificates, trusted in addition to the system's.
    pub(crate) extra_root_certificates: &'a [Bytes],
    pub(crate) connect_timeout: Duration,
    /// Whether to use `HTTPS_PROXY` and the like.
    pub(crate) proxy_from_environment: bool,
}

/// Why the client cannot be created. No text contains a secret.
#[derive(Debug)]
pub(crate) enum NoClient {
    /// The process has installed no default crypto provider.
    TlsProvider,
    Certificates(BoxError),
    Client(BoxError),
}

impl Outbound<'_> {
    /// Creates a client that follows no redirects, which could leak a credential, sends no `Referer`, and stores no
    /// cookies. `set` adds the needs of one service. Opens no connection yet.
    pub(crate) fn client(
        &self,
        set: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, NoClient> {
        // The client would panic.
        if CryptoProvider::get_default().is_none() {
            return Err(NoClient::TlsProvider);
        }
        let certificates = self.certificates().map_err(NoClient::Certificates)?;
        let mut builder = Client::builder()
            .user_agent(concat!("registry-core/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout);
        if !certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates);
        }
        if !self.proxy_from_environment {
            builder = builder.no_proxy();
        }
        set(builder).build().map_err(|error| NoClient::Client(error.without_url().into()))
    }

    fn certificates(&self) -> Result<Vec<Certificate>, BoxError> {
        let mut certificates = Vec::new();
        for pem in self.extra_root_certificates {
            let parsed = Certificate::from_pem_bundle(pem)?;
            if parsed.is_empty() {
                return Err("no certificate is in it".into());
            }
            certificates.extend(parsed);
        }
        Ok(certificates)
    }
}
