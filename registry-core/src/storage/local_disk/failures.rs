use std::fmt::Display;
use std::io::{self, ErrorKind};

use super::folder::Folder;
use crate::storage::BlobError;
use crate::vocabulary::BoxError;

/// A failure of the disk, and whether something may have changed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was changed.
    Before(io::Error),
    /// The change was made, or may have been, but is not known to be durable.
    After(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Before(error)
    }
}

impl Folder {
    pub(super) fn failed(&self, path: &dyn Display, failure: impl Into<Failure>) -> BlobError {
        match failure.into() {
            Failure::Before(error) if is_refusal(error.kind()) => {
                BlobError::Refused { store: self.to_string(), path: path.to_string(), source: error.into() }
            }
            Failure::Before(error) | Failure::After(error) => self.unknown(path, error),
        }
    }

    pub(super) fn unknown(&self, path: &dyn Display, source: impl Into<BoxError>) -> BlobError {
        BlobError::Unavailable { store: self.to_string(), path: path.to_string(), source: source.into() }
    }
}

/// Whether a retry would fail alike until an operator frees space, grants permissions or changes the path.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::InvalidFilename
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::CrossesDevices
    )
}
