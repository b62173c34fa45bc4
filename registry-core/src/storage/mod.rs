//! The contract with the object store: bytes under paths, changed by compare-and-swap.
//!
//! [`BlobStore`] is what a backend implements: few methods, none with a default. [`BlobStoreExt`] adds methods for
//! callers. Backends here: [`ObjectStoreBlobs`] (memory and the clouds, over the `object_store` crate) and
//! [`LocalDisk`] (a folder, safe across processes).
//!
//! ```
//! use registry_core::storage::{BlobPath, BlobStore, ObjectStoreBlobs, PutOutcome, When};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = ObjectStoreBlobs::in_memory();
//! let path = BlobPath::parse("fruit/pear")?;
//! let first = store.put(&path, "green".into(), When::Absent).await?;
//! assert!(matches!(first, PutOutcome::Stored(_)));
//! let second = store.put(&path, "yellow".into(), When::Absent).await?;
//! assert!(matches!(second, PutOutcome::Conflict));
//! assert_eq!(store.get(&path).await?.unwrap().bytes, "green");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
mod bucket;
mod copy_record;
mod error;
mod extension;
mod key;
#[cfg(feature = "local-disk")]
mod local_disk;
mod marker;
mod metered;
mod object_store_blobs;
mod path;
mod probe;
mod proven;
mod read_only;
mod regroup;
mod stored_path;
mod update;
mod values;

use std::fmt::{Debug, Display};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use url::Url;

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
pub use bucket::{BucketError, bucket_encryption, open_bucket};
#[cfg(feature = "aws")]
pub use bucket::{BucketVersions, BucketVersionsError};
pub(crate) use copy_record::CopyRecord;
pub use error::BlobError;
pub use extension::BlobStoreExt;
pub use key::Key;
#[cfg(feature = "local-disk")]
pub use local_disk::{LocalDisk, LocalDiskError};
pub(crate) use marker::MarkerMismatch;
pub(crate) use metered::{MeteredStore, StorageMeter};
pub use object_store_blobs::ObjectStoreBlobs;
pub use path::{BlobPath, BlobPathError, BlobPrefix};
pub use probe::{ProbeError, probe};
pub use proven::StorageError;
pub(crate) use proven::{Storage, WatchStorage};
pub use read_only::ReadOnly;
pub(crate) use stored_path::StoredPath;
pub(crate) use update::Contended;
#[cfg(feature = "local-accounts")]
pub(crate) use update::update;
#[cfg(any(feature = "github", feature = "openid"))]
pub(crate) use update::update_with;
pub(crate) use update::{BlobDecision, Edit, Step, Updated};
pub use values::{
    Blob, BlobETag, BlobRange, Fetched, ListedBlob, OpenBlob, PutOutcome, SignedUrlOptions, When,
};

/// A stream of chunks, as [`BlobStore::put_stream`] accepts and [`BlobStore::open`] returns it.
pub type ByteStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// Stores bytes under paths, and so all state of a registry.
///
/// # Contract
///
/// - **Atomic.** A reader sees a whole blob as one `put` left it, never a mixture or a prefix. A `put` that fails or is
///   dropped half-way leaves either the old blob or the new one.
/// - **Durable.** When `put` returns [`PutOutcome::Stored`], the bytes survive a crash of the process and of the
///   machine.
/// - **Conditions are exact.** Of any number of concurrent `put`s with [`When::Absent`], or with [`When::Matches`] of
///   one `ETag`, from any number of processes, at most one is stored.
/// - **Read your writes.** After `put`, `put_stream` or `delete` returned, each `get`, `open` and `list` that starts
///   later, in any process, sees the effect.
/// - **Cancellation.** Dropping the future of a write leaves no lock behind and cannot make another writer's
///   acknowledged write disappear; whether the dropped write took effect is unknown.
/// - **`ETag`s** change with each write of other bytes to a path, and mean nothing beyond their path.
/// - **Paths** are never a prefix, by whole segments, of one another; a store need not support it.
///
/// # Errors
///
/// A missing blob and a lost race are answers, not errors. Only a proven absence is reported as one: an obstacle (a
/// folder or a link in the blob's place, a missing permission, a deleted bucket, the 404 of a proxy) is an error,
/// because an upstream may answer for a name that is not hosted here. An empty listing is a claim of absence, too.
/// [`BlobError::Unavailable`] means that the outcome is unknown, a retry may help, and **a write may have taken
/// effect**. [`BlobError::Refused`] means that the store understood the request and rejects it (credentials,
/// permissions, full disk): a retry will not help.
///
/// # Tests
///
/// `registry_testkit::conformance::blob_store` checks an implementation against this contract.
///
/// # Wrappers
///
/// A store that wraps another one forwards every method, and its `Display` nests: `faulty(local disk ./data)`.
#[async_trait]
pub trait BlobStore: Debug + Display + Send + Sync + 'static {
    /// Returns the whole blob, or `None` if there is none.
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError>;

    /// Returns the blob if its `ETag` differs from `known`. Costs less than [`BlobStore::get`] if it is unchanged.
    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError>;

    /// Opens the blob, or `range` of it, as a stream, with the length of the whole; `None` if there is no blob. A range
    /// is truncated at the end of the blob; one that begins at or after the end yields an empty stream.
    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError>;

    /// Stores `bytes` if `when` holds at that instant, and returns the new `ETag`, or [`PutOutcome::Conflict`] with
    /// nothing changed.
    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError>;

    /// Stores a stream of any length, replacing the blob. An error in the stream is returned, and leaves the old blob,
    /// or none, and nothing of the new one.
    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError>;

    /// Removes the blob. Succeeds if there is none.
    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError>;

    /// Lists all blobs below `prefix` at any depth, sorted by path, bytewise.
    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>>;

    /// Lists the names of the folders directly below `prefix`, sorted, bytewise. A folder exists while a blob is below
    /// it.
    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError>;

    /// Returns a URL from which every holder can read the blob until `expires` has passed, or `None` if the store does
    /// not support signed URLs. The blob need not exist.
    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError>;
}
