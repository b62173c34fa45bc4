use crate::vocabulary::BoxError;

/// Why settings are invalid for an issuer or a provider. No text contains a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenIdError {
    /// The URL is not an issuer's.
    #[error("the URL of an issuer {reason}")]
    Url {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// A setting is invalid.
    #[error("{setting} {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// The process has installed no default crypto provider.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or there is none.
    #[error("the certificates for an issuer cannot be used: they must be PEM")]
    Certificates(#[source] BoxError),
    /// The client cannot be created.
    #[error("cannot create an HTTP client for an issuer")]
    Client(#[source] BoxError),
}
