//! The contract with another registry that this one stands in front of.
//!
//! An upstream speaks npm's public protocol. This library asks it only for names that the origin rules
//! send there; an adapter never decides that for itself.
//!
//! ```
//! use registry_core::upstream::{PackumentForm, Validators};
//! let known = Validators { etag: Some("\"abc\"".into()), last_modified: None };
//! assert!(!known.is_empty());
//! assert_ne!(PackumentForm::Full, PackumentForm::Abbreviated);
//! ```

#[cfg(feature = "upstream-http")]
mod http_upstream;

use std::fmt::{Debug, Display};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::domain::{PackageName, Version};
use crate::vocabulary::BoxError;

#[cfg(feature = "upstream-http")]
pub use http_upstream::{HttpUpstream, HttpUpstreamError, HttpUpstreamSettings};

pub use crate::domain::packument::PackumentForm;

/// A stream of a tarball's bytes.
pub type TarballStream = BoxStream<'static, Result<Bytes, UpstreamError>>;

/// What an upstream said of the state of a document, to ask it later whether that still holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, verbatim.
    pub etag: Option<String>,
    /// The `Last-Modified` header, verbatim.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is nothing to ask with.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// What came of asking for a packument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamPackument {
    /// The document, as the upstream sent it, decoded.
    Found {
        /// The JSON.
        bytes: Bytes,
        /// The form it came in, which need not be the one asked for.
        form: PackumentForm,
        /// What to ask with the next time.
        validators: Validators,
    },
    /// The document is still the one that was known.
    Unchanged,
    /// The upstream has no such package.
    Missing,
}

/// A tarball on its way from an upstream.
#[non_exhaustive]
pub struct UpstreamTarball {
    /// The bytes, unchecked.
    pub stream: TarballStream,
    /// The length, where the upstream declared one.
    pub length: Option<u64>,
    /// Whether the upstream calls the bytes compressed once more. Its word proves nothing: the digest decides.
    pub encoding: TarballEncoding,
    /// The host that sends the bytes, where that is neither the upstream's own nor one that the operator allows. A
    /// packument or a redirect chose it, so no byte, length or reason of it reaches a client before the digest is
    /// right.
    pub elsewhere: Option<String>,
}

/// What an upstream says of the encoding of a tarball's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TarballEncoding {
    /// The bytes are the tarball.
    #[default]
    Identity,
    /// The bytes are the tarball compressed with gzip, or the tarball itself: many servers call any `.tgz` that.
    Gzip,
    /// An encoding that was not asked for and is not read. The bytes may still be the tarball.
    Other,
}

impl UpstreamTarball {
    /// The bytes of a tarball as they are, from the upstream's own host.
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

/// Why an upstream could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No answer, or one that says to come back: time-outs, broken connections, statuses 408, 429 and 5xx.
    #[error("the upstream registry {upstream} did not answer")]
    Unavailable {
        /// The upstream, as it displays itself.
        upstream: String,
        /// When it asked to be left alone until, where it said so.
        retry_after: Option<Duration>,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The upstream refused: credentials, permissions.
    #[error("the upstream registry {upstream} refused with status {status}")]
    Refused {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The status of the answer.
        status: u16,
    },
    /// An answer that is no answer: not JSON, over the size limit, a document of another package.
    #[error("the upstream registry {upstream} sent something unusable: {reason}")]
    Unusable {
        /// The upstream, as it displays itself.
        upstream: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It leads back to the registry that asks.
    #[error("the upstream registry {upstream} leads back to this one")]
    Loop {
        /// The upstream, as it displays itself.
        upstream: String,
    },
    /// It redirects, and not to an answer.
    #[error("the upstream registry {upstream} {reason}")]
    Redirect {
        /// The upstream, as it displays itself.
        upstream: String,
        /// What is wrong with the redirect. Names no URL, which may be signed.
        reason: String,
    },
    /// What was asked for is at another host, and did not come from there. Whether that host does not exist, may not
    /// be asked, or sends something else looks the same, so that no client learns of hosts that only this machine
    /// reaches.
    #[error(
        "the upstream registry {upstream} has this at another host, {host}, and it did not come from there"
    )]
    Elsewhere {
        /// The upstream, as it displays itself.
        upstream: String,
        /// The other host.
        host: String,
        /// What went wrong, for the log alone.
        #[source]
        source: BoxError,
    },
}

/// Another registry, asked on behalf of clients.
///
/// # Contract
///
/// - Every method ends in bounded time, and holds bounded memory however long the answer is.
/// - Credentials go to the configured host and to no other, also when it redirects.
/// - Other hosts, which packuments and redirects name, are asked at public addresses only, unless the operator allows
///   them; see [`UpstreamTarball::elsewhere`].
/// - A package, version or endpoint that the upstream does not have is an answer (`Missing`, `None`), not an error.
/// - Nothing is cached here: the caller holds what it wants to hold.
/// - Reads only: no method changes anything upstream, so that each may be repeated.
#[async_trait]
pub trait Upstream: Debug + Display + Send + Sync + 'static {
    /// Tells under which name the registry that asks knows its own requests again, should one come back to it. An
    /// upstream over HTTP sends it as `Via`. Default: it is not told.
    fn asked_by(&self, _registry: &str) {}

    /// The packument in `form`, unless it is still the one that `known` names.
    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError>;

    /// The tarball at `url`, as the upstream's packument gives it, or `None` where it is gone.
    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError>;

    /// The answer to a search, given npm's query string without the `?`.
    async fn search(&self, query: &str) -> Result<Option<Bytes>, UpstreamError>;

    /// The known advisories for `{"package": ["version"]}`, in npm's bulk form.
    async fn advisories(&self, packages: Bytes) -> Result<Option<Bytes>, UpstreamError>;

    /// The keys that the upstream signs with, in npm's form.
    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError>;

    /// The attestations of one version, in npm's form.
    async fn attestations(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError>;
}
