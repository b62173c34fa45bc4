use std::fmt::Display;

use object_store::Error;

use crate::storage::BlobError;

/// What an error of the client means here, where none was expected.
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

/// What S3, Google Cloud Storage, Azure and the stores that speak like them call an object that is not there.
const ABSENT: [&str; 3] =
    ["<Code>NoSuchKey</Code>", "<Code>BlobNotFound</Code>", "<Code>ResourceNotFound</Code>"];

/// Whether an error proves that there is no blob at a path.
///
/// The client calls every 404 a missing object: also that of a bucket that is gone, and that of a proxy or a captive
/// portal on the way. Only an answer that says so in the store's own words is a proof. Its body stands in the text of
/// the error alone. A store that is no web server, such as memory, has no status to go wrong.
pub(super) fn proves_absence(error: &Error) -> bool {
    let Error::NotFound { source, .. } = error else { return false };
    match source.to_string().split_once("status code: 404") {
        Some((_, body)) => ABSENT.iter().any(|code| body.contains(code)),
        None => true,
    }
}

/// Whether a conditional write was answered with: the condition does not hold.
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
