use std::fmt::Display;

use object_store::Error;

use crate::storage::BlobError;

/// Maps an unexpected error of the client.
pub(super) fn failed(store: &dyn Display, path: &dyn Display, error: Error) -> BlobError {
    let (store, path) = (store.to_string(), path.to_string());
    match error {
        Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::NotImplemented { .. }
        | Error::NotSupported { .. }
        | Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. } => BlobError::Refused { store, path, source: error.into() },
        _ => BlobError::Unavailable { store, path, source: error.into() },
    }
}

/// How S3, Google Cloud Storage, Azure and compatible stores report a missing object.
const ABSENT: [&str; 3] =
    ["<Code>NoSuchKey</Code>", "<Code>BlobNotFound</Code>", "<Code>ResourceNotFound</Code>"];

/// Whether an error proves that there is no blob at a path.
///
/// The client reports every 404 as a missing object: also that of a deleted bucket, of a proxy or of a captive portal.
/// Only an answer with the store's own code is a proof. Its body appears only in the error's text. A store that is not
/// a web server, such as memory, has no ambiguous status.
pub(super) fn proves_absence(error: &Error) -> bool {
    let Error::NotFound { source, .. } = error else { return false };
    match source.to_string().split_once("status code: 404") {
        Some((_, body)) => ABSENT.iter().any(|code| body.contains(code)),
        None => true,
    }
}

/// Whether the error means that the condition of a write did not hold.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found(said: &str) -> Error {
        Error::NotFound { path: "left-pad/index.json".into(), source: said.into() }
    }

    #[test]
    fn a_404_is_a_proof_only_in_the_words_of_a_store() {
        let answered = |body: &str| {
            not_found(&format!(
                "Error performing GET http://s3.example/ in 2ms - Server returned non-2xx status code: 404 Not Found: {body}"
            ))
        };
        for code in ["NoSuchKey", "BlobNotFound"] {
            let body =
                format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>");
            assert!(proves_absence(&answered(&body)), "{code}");
        }
        for body in [
            "",
            "<html><title>Sign in to the network</title></html>",
            "<Error><Code>NoSuchBucket</Code><Key>NoSuchKey</Key></Error>",
            "<Error><Code>ContainerNotFound</Code></Error>",
        ] {
            assert!(!proves_absence(&answered(body)), "{body}");
        }
        assert!(proves_absence(&not_found("no data in memory")));
    }
}
