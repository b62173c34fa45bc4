use crate::vocabulary::BoxError;

/// Why settings are invalid. No text contains a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpUpstreamError {
    /// The URL is not the base URL of a registry.
    #[error("the URL of the upstream registry {upstream} {reason}")]
    Url {
        /// The upstream's name.
        upstream: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// An entry of `tarball_hosts` is not a host.
    #[error(
        "the upstream registry {upstream} has {host:?} in its tarball_hosts, which is not a host: write it \
         as files.example or files.example:8443"
    )]
    TarballHost {
        /// The upstream's name.
        upstream: String,
        /// The entry as given.
        host: String,
    },
    /// The credential is not valid in a header.
    #[error(
        "the credential for the upstream registry {upstream} holds characters that HTTP cannot carry: look for \
         a line break at its end"
    )]
    Credential {
        /// The upstream's name.
        upstream: String,
    },
    /// The process has installed no default crypto provider.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or there is none.
    #[error("the certificates for the upstream registry {upstream} cannot be used: they must be PEM")]
    Certificates {
        /// The upstream's name.
        upstream: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The client cannot be created.
    #[error("cannot create an HTTP client for the upstream registry {upstream}")]
    Client {
        /// The upstream's name.
        upstream: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}
