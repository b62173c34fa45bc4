use crate::vocabulary::BoxError;

/// Why settings make no upstream. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpUpstreamError {
    /// The URL is not the base URL of a registry.
    #[error("the URL of the upstream registry {upstream} {reason}")]
    Url {
        /// The upstream's name.
        upstream: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A host that tarballs may come from is none.
    #[error(
        "the upstream registry {upstream} has {host:?} in its tarball_hosts, which is no host: write it as \
         files.example or files.example:8443"
    )]
    TarballHost {
        /// The upstream's name.
        upstream: String,
        /// What is written there.
        host: String,
    },
    /// The credential cannot be sent.
    #[error(
        "the credential for the upstream registry {upstream} holds characters that HTTP cannot carry: look for \
         a line break at its end"
    )]
    Credential {
        /// The upstream's name.
        upstream: String,
    },
    /// The process has not said who does its cryptography.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or none is there.
    #[error("the certificates for the upstream registry {upstream} cannot be used: they must be PEM")]
    Certificates {
        /// The upstream's name.
        upstream: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The client cannot be made.
    #[error("no HTTP client can be made for the upstream registry {upstream}")]
    Client {
        /// The upstream's name.
        upstream: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}
