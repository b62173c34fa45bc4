//! The contract with another registry that this one proxies.
//!
//! An upstream speaks npm's public protocol. This library asks it only for names that the origin rules permit; an
//! adapter never decides that itself.
//!
//! ```
//! use registry_core::upstream::{PackumentForm, Validators};
//! let known = Validators { etag: Some("\"abc\"".into()), last_modified: None };
//! assert!(!known.is_empty());
//! assert_ne!(PackumentForm::Full, PackumentForm::Abbreviated);
//! ```

#[cfg(feature = "upstream-http")]
mod http_upstream;
mod metered;

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::domain::{PackageName, Version};
use crate::traces::TraceContext;
use crate::vocabulary::BoxError;

#[cfg(feature = "upstream-http")]
pub use http_upstream::{HttpUpstream, HttpUpstreamError, HttpUpstreamSettings};

pub use crate::domain::packument::PackumentForm;
pub(crate) use metered::MeteredUpstream;

/// A stream of a tarball's bytes.
pub type TarballStream = BoxStream<'static, Result<Bytes, UpstreamError>>;

/// The validators of a document, for a conditional request later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, verbatim.
    pub etag: Option<String>,
    /// The `Last-Modified` header, verbatim.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there are no validators.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// The outcome of requesting a packument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamPackument {
    /// The document, as the upstream sent it, decoded.
    Found {
        /// The JSON.
        bytes: Bytes,
        /// The form of the document, which may differ from the requested one.
        form: PackumentForm,
        /// The validators for the next request.
        validators: Validators,
    },
    /// The document is unchanged.
    Unchanged,
    /// The upstream has no such package.
    Missing,
}

/// A tarball being received from an upstream.
#[non_exhaustive]
pub struct UpstreamTarball {
    /// The bytes, unverified.
    pub stream: TarballStream,
    /// The length, if the upstream declared one.
    pub length: Option<u64>,
    /// The declared encoding. It proves nothing: the digest decides.
    pub encoding: TarballEncoding,
    /// The host that sends the bytes, if it is neither the upstream's own nor one that the operator allows. A packument
    /// or a redirect chose it, so none of its bytes, its length or its errors reach a client before the digest is
    /// verified.
    pub elsewhere: Option<String>,
}

/// The declared encoding of a tarball's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TarballEncoding {
    /// The bytes are the tarball.
    #[default]
    Identity,
    /// The bytes are the tarball compressed with gzip, or the tarball itself: many servers declare gzip for every
    /// `.tgz`.
    Gzip,
    /// An encoding that was not requested and is not supported. The bytes may still be the tarball.
    Other,
}

impl UpstreamTarball {
    /// Creates a tarball without an encoding, from the upstream's own host.
    pub fn new(stream: TarballStream, length: Option<u64>) -> Self {
        Self { stream, length, encoding: TarballEncoding::Identity, elsewhere: None }
    }
}

impl Debug for UpstreamTarball {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UpstreamTarball")
            .field("length", &self.length)
            .field("encoding", &self.encoding)
            .field("elsewhere", &self.elsewhere)
            .finish_non_exhaustive()
    }
}

/// Why an upstream did not answer a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No answer, or one that asks for a retry: timeouts, broken connections, statuses 408, 429 and 5xx.
    #[error("the upstream registry {upstream} did not answer")]
    Unavailable {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The delay that it asked for, if any.
        retry_after: Option<Duration>,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The upstream rejected the request: credentials, permissions.
    #[error("the upstream registry {upstream} refused with status {status}{}", advice(*status))]
    Refused {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The status of the answer.
        status: u16,
    },
    /// The answer is invalid: not JSON, over the size limit, a document of another package.
    #[error("the upstream registry {upstream} sent an invalid response: {reason}")]
    Unusable {
        /// The upstream, as it displays itself.
        upstream: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a registry that is read from its folder cannot be used.
    #[error("cannot read {upstream}: {reason}")]
    Unreadable {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The file, what is wrong with it, and what to do.
        reason: String,
    },
    /// The upstream leads back to this registry.
    #[error("the upstream registry {upstream} leads back to this one")]
    Loop {
        /// The upstream, as it displays itself.
        upstream: String,
    },
    /// The upstream sent a redirect that cannot be followed.
    #[error("the upstream registry {upstream} {reason}")]
    Redirect {
        /// The upstream, as it displays itself.
        upstream: String,
        /// What is wrong with the redirect. Contains no URL, which may be signed.
        reason: String,
    },
    /// The requested object is at another host, and that host did not deliver it. A host that does not exist, may not
    /// be used, or sends other bytes gives the same error, so that no client learns of hosts that only this machine
    /// reaches.
    #[error(
        "the upstream registry {upstream} names another host, {host}, which did not deliver the expected file"
    )]
    Elsewhere {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The other host.
        host: String,
        /// The cause, for the log only.
        #[source]
        source: BoxError,
    },
}

/// What the operator does about a refusal, for the log.
fn advice(status: u16) -> &'static str {
    match status {
        401 => {
            ": it rejects the credential, or needs one. Put a valid token where token_env or token_file of this upstream says, \
             then restart the server"
        }
        403 => {
            ": the token of this upstream does not reach the package there. Give it the right to read, or name another token in \
             token_env or token_file, then restart the server"
        }
        _ => "",
    }
}

/// Another registry, asked on behalf of clients.
///
/// # Contract
///
/// - Every method ends in bounded time, and uses bounded memory regardless of the length of the answer.
/// - Credentials are sent to the configured host and to no other, even when it redirects.
/// - Other hosts, which packuments and redirects name, are used at public addresses only, unless the operator allows
///   them; see [`UpstreamTarball::elsewhere`].
/// - A package, version or endpoint that the upstream lacks is an answer (`Missing`, `None`), not an error.
/// - Nothing is cached here: caching is up to the caller.
/// - Reads only: no method changes anything upstream, so that each may be retried.
#[async_trait]
pub trait Upstream: Debug + Display + Send + Sync + 'static {
    /// Sets the name by which this registry recognizes its own requests, should one return to it. An HTTP upstream
    /// sends it as `Via`. Default: does nothing.
    fn asked_by(&self, _registry: &str) {}

    /// Sets what tells which trace a request belongs to. An HTTP upstream sends its headers, to the upstream's own host and the
    /// allowed ones. Default: does nothing.
    fn traced_by(&self, _context: &Arc<dyn TraceContext>) {}

    /// Whether requests pause because the upstream failed repeatedly, and it has not answered since. Default: never.
    fn is_paused(&self) -> bool {
        false
    }

    /// Returns the packument in `form`, unless it still matches `known`.
    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError>;

    /// Opens the tarball at `url`, as given in the upstream's packument; `None` if it is gone.
    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError>;

    /// Returns the answer to a search, given npm's query string without the `?`. Default: it has no search.
    async fn search(&self, _query: &str) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// Returns all packages, as an object whose keys are their names, where the upstream lists them. Default: it does not.
    async fn all_packages(&self) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// Returns whose credential it is that the upstream is asked with, in npm's format, where the upstream tells. Default: it
    /// does not.
    async fn whoami(&self) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// Returns the known advisories for `{"package": ["version"]}`, in npm's bulk format. Default: it knows of none.
    async fn advisories(&self, _packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// Returns the keys that the upstream signs with, in npm's format. Default: it tells none.
    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// Returns the attestations of one version, in npm's format. Default: it has none.
    async fn attestations(
        &self,
        _name: &PackageName,
        _version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }
}
