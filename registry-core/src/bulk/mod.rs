//! Operations of an operator on a whole storage. Each reads the listing as a stream and one object at a time, can be
//! stopped at any point, and leaves the same state if it is run again.
//!
//! ```
//! use std::sync::Arc;
//! use futures::TryStreamExt as _;
//! use registry_core::{Registry, storage::ObjectStoreBlobs, bulk::BulkMode};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let packages: Vec<_> = registry.move_tarball_urls(None, BulkMode::DryRun).try_collect().await?;
//! assert!(packages.is_empty());
//! # Ok::<(), registry_core::bulk::BulkError>(()) }).unwrap();
//! ```

#[cfg(feature = "signing")]
mod bundle;
mod copy;
mod error;
mod import;
mod remove;
mod rewrite;
mod send_again;
mod source_error;
mod streams;
mod tarball_urls;

use std::sync::Arc;

use futures::stream::BoxStream;

use crate::accounts::Accounts;
use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::packages::PackagesParts;
#[cfg(feature = "signing")]
use crate::randomness::Randomness;
use crate::search::{Search, SearchParts};
#[cfg(feature = "signing")]
use crate::signing::StoredKeys;
use crate::storage::{Storage, StorageMeter};

pub use crate::vocabulary::BulkMode;
#[cfg(feature = "signing")]
pub use bundle::{
    ApplyOptions, Bundle, BundleBuilder, BundleError, BundleOptions, BundledVersion, CheckedBundle,
    WrittenBundle,
};
pub use copy::{CopiedObject, CopyOptions, CopyOutcome, check_copy_source, copy_storage};
pub use error::BulkError;
pub use import::{ImportNote, ImportOptions, ImportRefusal, ImportedPackage};
pub use remove::{FolderSize, StorageInventory};
pub use rewrite::{RewriteOutcome, RewrittenObject};
pub use send_again::SentPackage;
pub use source_error::SourceError;
pub use tarball_urls::{MovedPackage, TarballBase, TarballBaseError};

/// How many objects are read and written at the same time. Each may take many megabytes.
const CONCURRENCY: usize = 8;

/// What an operation does to each object that it lists. A failure of one object does not end the operation.
pub type BulkStream<Record> = BoxStream<'static, Result<Record, BulkError>>;

/// Works on the whole storage. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bulk {
    parts: Arc<BulkParts>,
    authorization: Authorization,
}

/// What [`Bulk`] works with.
pub(crate) struct BulkParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) changes: Changes,
    pub(crate) catalog: Arc<CatalogParts>,
    pub(crate) search: Arc<SearchParts>,
    pub(crate) packages: Arc<PackagesParts>,
    pub(crate) storage_meter: Arc<StorageMeter>,
    pub(crate) accounts: Accounts,
    #[cfg(feature = "signing")]
    pub(crate) signing: StoredKeys,
    #[cfg(feature = "signing")]
    pub(crate) randomness: Arc<dyn Randomness>,
}

impl Bulk {
    pub(crate) fn new(parts: BulkParts, authorization: &Authorization) -> Self {
        Self { parts: Arc::new(parts), authorization: authorization.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn search(&self) -> Search {
        Search::new(&self.parts.search, &self.authorization)
    }
}
