use crate::vocabulary::BoxError;

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The answer is unknown: a time-out, a broken connection, an overloaded store. A write may have taken effect.
    #[error("{store} did not answer for {path}")]
    Unavailable {
        /// The store, as it displays itself.
        store: String,
        /// The path or prefix that was asked for.
        path: String,
        /// What the store's client said.
        #[source]
        source: BoxError,
    },
    /// The store understood and will not: credentials, permissions, no space. Nothing was changed.
    #[error("{store} refused {path}")]
    Refused {
        /// The store, as it displays itself.
        store: String,
        /// The path or prefix that was asked for.
        path: String,
        /// What the store's client said.
        #[source]
        source: BoxError,
    },
    /// The stream given to `put_stream` failed; nothing was stored.
    #[error("the stream to be stored at {path} failed")]
    Stream {
        /// The path that was to be written.
        path: String,
        /// What the stream said.
        #[source]
        source: BoxError,
    },
}
