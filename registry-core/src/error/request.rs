use std::sync::Arc;

use crate::domain::publication::PublishError;
use crate::domain::{DistTagError, DownloadPeriodError, GroupNameError, PackageNameError, VersionError};
use crate::limits::LimitExceeded;

/// Why a request is rejected before any operation begins.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The name is invalid.
    #[error("{0}")]
    Name(#[from] PackageNameError),
    /// The version is invalid.
    #[error("{0}")]
    Version(#[from] VersionError),
    /// The tag is invalid.
    #[error("{0}")]
    Tag(#[from] DistTagError),
    /// The name of an organization or a team is invalid.
    #[error("{0}")]
    GroupName(#[from] GroupNameError),
    /// A publication is rejected.
    #[error("{0}")]
    Publish(#[from] PublishError),
    /// A part of a package exceeds a limit of the registry.
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
    /// A request is invalid.
    #[error("{reason}")]
    Request {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The registry keeps no change feed.
    #[error("this registry keeps no change feed: ask its operator to turn it on")]
    NoChangeFeed,
    /// The registry counts no downloads.
    #[error("this registry counts no downloads: ask its operator to turn that on")]
    NoDownloads,
    /// A period of downloads is invalid.
    #[error("{0}")]
    DownloadPeriod(#[from] DownloadPeriodError),
    /// The change feed no longer has the changes that were asked for.
    #[error(
        "the changes after {since} are no longer kept, the oldest one is {first}: read all packages anew, then go \
         on from since={}", first - 1
    )]
    ChangesGone {
        /// The number that was asked for.
        since: u64,
        /// The number of the oldest change that is kept.
        first: u64,
    },
    /// A search has no text.
    #[error("there is nothing to search for: send a `text`, as in `npm search pear`")]
    SearchTextMissing,
    /// The request exceeds the limit.
    #[error(
        "the request is larger than the {limit} bytes that this registry accepts: make the package smaller \
         (see `npm pack --dry-run`), or ask the registry's operator to raise the limit"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The document of a publish exceeds the limit over HTTP, and there may be another way to publish it.
    #[error(
        "the request is larger than the {limit} bytes that this registry accepts: make the package smaller \
         (see `npm pack --dry-run`), or {}",
        instead.as_deref().unwrap_or("ask the registry's operator to raise the limit")
    )]
    PublishTooLarge {
        /// The limit in bytes.
        limit: usize,
        /// What to do instead, in the operator's words.
        instead: Option<Arc<str>>,
    },
    /// A browser sent the request for a page of another site.
    #[error(
        "this request comes from a page of another site, which may not change anything here: use this \
         registry's own address"
    )]
    ForeignOrigin,
    /// The request was sent by this registry itself.
    #[error(
        "this request was sent by this registry itself: one of its upstreams leads back here, so ask the \
         registry's operator to correct the url of that upstream"
    )]
    RequestLoop,
}
