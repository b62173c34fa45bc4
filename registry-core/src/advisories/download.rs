use std::time::Duration;

use url::Url;

use crate::error::BoxError;
use crate::outbound::{NoClient, Outbound};

/// How long to wait for a connection, and for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why advisories were not downloaded. No text contains a query or a password of the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The process cannot make requests.
    #[error("this process cannot make HTTPS requests")]
    Client(#[source] BoxError),
    /// The server answered with another status than 200. Redirects are not followed.
    #[error("the server answered with {status}: give the address that it redirects to, or check the URL")]
    Status {
        /// The status.
        status: u16,
    },
    /// The server did not answer, or broke off.
    #[error("the server did not answer, or the answer broke off")]
    Connection(#[source] BoxError),
    /// What was read could not be kept.
    #[error("what the server sent was not kept")]
    Write(#[from] std::io::Error),
}

/// Downloads a file, and gives each piece of it to `write`.
pub async fn download(
    url: &Url,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), DownloadError> {
    let outbound =
        Outbound { extra_root_certificates: &[], connect_timeout: PATIENCE, proxy_from_environment: true };
    let client = outbound.client(|builder| builder.read_timeout(PATIENCE)).map_err(|error| {
        DownloadError::Client(match error {
            NoClient::TlsProvider => "no TLS provider is installed".into(),
            NoClient::Certificates(error) | NoClient::Client(error) => error,
        })
    })?;
    let broken = |error: reqwest::Error| DownloadError::Connection(error.without_url().into());
    let mut response = client.get(url.clone()).send().await.map_err(broken)?;
    if response.status() != http::StatusCode::OK {
        return Err(DownloadError::Status { status: response.status().as_u16() });
    }
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        write(&chunk)?;
    }
    Ok(())
}
