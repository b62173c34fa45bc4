use crate::vocabulary::BoxError;

/// Why settings make no issuer, or no provider of users. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenIdError {
    /// The URL is not that of an issuer.
    #[error("the URL of an issuer {reason}")]
    Url {
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A setting cannot be meant.
    #[error("{setting} {reason}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// The process has not said who does its cryptography.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or none is there.
    #[error("the certificates for an issuer cannot be used: they must be PEM")]
    Certificates(#[source] BoxError),
    /// The client cannot be made.
    #[error("no HTTP client can be made for an issuer")]
    Client(#[source] BoxError),
}
