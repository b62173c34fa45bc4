use std::fmt;

use crate::Error;
use crate::error::BoxError;
use crate::storage::{BlobError, MarkerMismatch};

/// Whether a registry can serve requests, and what an operator should look at.
#[derive(Debug)]
#[non_exhaustive]
pub struct Readiness {
    /// What is wrong. The registry can serve requests unless one of them [is fatal](ReadinessFinding::is_fatal).
    pub findings: Vec<ReadinessFinding>,
    /// The error behind the fatal finding, for the log: it may name paths and hosts.
    pub error: Option<BoxError>,
}

impl Readiness {
    /// Creates a readiness.
    pub fn new(findings: Vec<ReadinessFinding>, error: Option<BoxError>) -> Self {
        Self { findings, error }
    }
}

/// Something wrong with a registry. The text names no host, path, package or upstream, so that it may be shown to every
/// client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadinessFinding {
    /// The store does not answer.
    StorageUnavailable,
    /// The store refuses to be read.
    StorageRefuses,
    /// The store's marker is gone.
    StorageMarkerMissing,
    /// The store has the marker of another registry.
    StorageMarkerOfAnother,
    /// The store's marker cannot be read, or a later release wrote it.
    StorageMarkerUnreadable,
    /// The storage is a copy that is not finished.
    StorageUnfinishedCopy,
    /// The store refused the last write that it answered. Reads work.
    StorageRefusesWrites,
    /// Versions cannot be signed, so none can be published. Reads work.
    SigningUnavailable,
    /// Requests to an upstream pause, because it failed repeatedly.
    UpstreamPaused,
    /// Events wait for a sink or the change feed for too long, so that writers may have to wait.
    EventsBehind,
}

impl ReadinessFinding {
    /// Whether the registry cannot serve requests.
    pub fn is_fatal(self) -> bool {
        !matches!(
            self,
            Self::StorageRefusesWrites | Self::SigningUnavailable | Self::UpstreamPaused | Self::EventsBehind
        )
    }

    /// Returns the name of this kind of finding, for programs.
    pub fn kind(self) -> &'static str {
        match self {
            Self::StorageUnavailable => "storage-unavailable",
            Self::StorageRefuses => "storage-refuses",
            Self::StorageMarkerMissing => "storage-marker-missing",
            Self::StorageMarkerOfAnother => "storage-marker-of-another",
            Self::StorageMarkerUnreadable => "storage-marker-unreadable",
            Self::StorageUnfinishedCopy => "storage-unfinished-copy",
            Self::StorageRefusesWrites => "storage-refuses-writes",
            Self::SigningUnavailable => "signing-unavailable",
            Self::UpstreamPaused => "upstream-paused",
            Self::EventsBehind => "events-behind",
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        if let Error::Shared(error) = error {
            return Self::of(error);
        }
        let mismatch = if let Error::Storage(error) = error { error.mismatch() } else { None };
        match (mismatch, error.store_error()) {
            (Some(MarkerMismatch::Gone), _) => Self::StorageMarkerMissing,
            (Some(MarkerMismatch::Another), _) => Self::StorageMarkerOfAnother,
            (Some(MarkerMismatch::Unreadable), _) => Self::StorageMarkerUnreadable,
            (Some(MarkerMismatch::UnfinishedCopy), _) => Self::StorageUnfinishedCopy,
            (None, Some(BlobError::Refused { .. })) => Self::StorageRefuses,
            (None, _) => Self::StorageUnavailable,
        }
    }
}

impl fmt::Display for ReadinessFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::StorageUnavailable => {
                "the storage does not answer: see the log, and check that it runs and that this machine reaches it"
            }
            Self::StorageRefuses => {
                "the storage refuses to be read: check the credentials, and the permissions of the server's user"
            }
            Self::StorageMarkerMissing => {
                "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, \
                 restart the server"
            }
            Self::StorageMarkerOfAnother => {
                "this is another storage than the one that was opened: mount the right one, or restart the server to use \
                 this one"
            }
            Self::StorageUnfinishedCopy => {
                "the storage is a copy that did not come to its end: run `registry-server copy` again, which finishes it"
            }
            Self::StorageMarkerUnreadable => {
                "the marker of the storage is damaged or of a later release: restore it from a backup, or use that release"
            }
            Self::StorageRefusesWrites => {
                "the storage refuses writes, so nothing can be published: check for free space, a read-only mount, and the \
                 permissions"
            }
            Self::SigningUnavailable => {
                "versions cannot be signed, so nothing can be published: run registry-server doctor, which says why"
            }
            Self::UpstreamPaused => {
                "an upstream failed repeatedly, so requests to it pause and cached packages are served: run \
                 registry-server doctor, which names it"
            }
            Self::EventsBehind => {
                "events wait to be written, so that publishes may be rejected: see the log for the sink that fails"
            }
        })
    }
}
