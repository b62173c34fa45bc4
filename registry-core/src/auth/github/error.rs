use crate::vocabulary::BoxError;

/// Why settings make no [`Github`](super::Github). No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GithubError {
    /// A URL is not the base URL of a GitHub.
    #[error("the {which} of GitHub {reason}")]
    Url {
        /// Which of the two.
        which: &'static str,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A name cannot be one at GitHub.
    #[error(
        "`{name}` cannot be the name of a user or an organization at GitHub: write the name alone, one for each entry"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Client id or client secret cannot be those of an app.
    #[error(
        "the {which} of the OAuth app is empty or has characters that none has: copy it again from the app's page \
         at GitHub"
    )]
    App {
        /// Which of the two.
        which: &'static str,
    },
    /// The process has not said who does its cryptography.
    #[error(
        "no TLS provider is installed: call `rustls::crypto::ring::default_provider().install_default()` once, \
         when the process starts"
    )]
    NoTlsProvider,
    /// A certificate cannot be read, or none is there.
    #[error("the certificates for GitHub cannot be used: they must be PEM")]
    Certificates(#[source] BoxError),
    /// The client cannot be made.
    #[error("no HTTP client can be made for GitHub")]
    Client(#[source] BoxError),
}
