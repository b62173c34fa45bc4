//! The HTTP client of every adapter that asks a service: it does what is asked of it and no more.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use rustls::crypto::CryptoProvider;

use crate::vocabulary::BoxError;

/// What the settings of each service say of its connections.
pub(crate) struct Outbound<'a> {
    /// PEM, which is believed besides what the machine believes.
    pub(crate) extra_root_certificates: &'a [Bytes],
    pub(crate) connect_timeout: Duration,
    /// Whether `HTTPS_PROXY` and its like count.
    pub(crate) proxy_from_environment: bool,
}

/// Why there is no client. No text holds a secret.
#[derive(Debug)]
pub(crate) enum NoClient {
    /// The process has not said who does its cryptography.
    TlsProvider,
    Certificates(BoxError),
    Client(BoxError),
}

impl Outbound<'_> {
    /// A client that follows no redirect, which could lead a credential astray, tells no page where it comes from, and
    /// keeps no cookies. Opens nothing yet.
    pub(crate) fn client(&self) -> Result<Client, NoClient> {
        self.client_with(|builder| builder)
    }

    /// The same with what one service needs besides.
    pub(crate) fn client_with(
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
