use std::fmt::Display;

use object_store::Error;

use crate::blob::BlobError;

/// What an error of the client means here, where none was expected.
pub(super) fn failed(store: &dyn Display, path: &dyn Display, error: Error) -> BlobError {
    let (store, path) = (store.to_string(), path.to_string());
    match error {
        Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::NotImplemented { .. }
        | Error::NotSupported { .. }
        | Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. }
        // The blob may well be missing, and that is an answer; where it is none, the bucket is what is missing.
        | Error::NotFound { .. } => BlobError::Refused { store, path, source: error.into() },
        _ => BlobError::Unavailable { store, path, source: error.into() },
    }
}

/// Whether a conditional write was answered with: the condition does not hold.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. })
}
