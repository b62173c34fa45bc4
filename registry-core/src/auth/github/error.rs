use crate::vocabulary::BoxError;

/// Why settings are invalid for a [`Github`](super::Github). No text contains a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GithubError {
    /// A URL is not GitHub's base URL.
    #[error("the {which} of GitHub {reason}")]
    Url {
        /// Which of the two URLs.
        which: &'static str,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// A name is not valid at GitHub.
    #[error(
        "`{name}` cannot be the name of a user or an organization at GitHub: write the name alone, one for each entry"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The client id or client secret of the app is malformed.
    #[error(
        "the {which} of the OAuth app is empty or has invalid characters: copy it again from the app's page \
         at GitHub"
    )]
    App {
        /// Which of the two URLs.
        which: &'static str,
    },
    /// The process has installed no default crypto provider.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or there is none.
    #[error("the certificates for GitHub cannot be used: they must be PEM")]
    Certificates(#[source] BoxError),
    /// The client cannot be created.
    #[error("cannot create an HTTP client for GitHub")]
    Client(#[source] BoxError),
}
