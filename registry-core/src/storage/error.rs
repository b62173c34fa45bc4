use crate::vocabulary::BoxError;

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The outcome is unknown: a timeout, a broken connection, an overloaded store. A write may have taken effect.
    #[error("{store} did not answer for {path}")]
    Unavailable {
        /// The store, as it displays itself.
        store: String,
        /// The requested path or prefix.
        path: String,
        /// The error of the store's client.
        #[source]
        source: BoxError,
    },
    /// The store rejected the request: credentials, permissions, no space. Nothing was changed.
    #[error("{store} refused {path}")]
    Refused {
        /// The store, as it displays itself.
        store: String,
        /// The requested path or prefix.
        path: String,
        /// The error of the store's client.
        #[source]
        source: BoxError,
    },
    /// The stream given to `put_stream` failed; nothing was stored.
    #[error("the stream to be stored at {path} failed")]
    Stream {
        /// The path to be written.
        path: String,
        /// The error of the stream.
        #[source]
        source: BoxError,
    },
}
