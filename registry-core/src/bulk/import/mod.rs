//! Imports packages of another registry.
//!
//! A tarball is stored under its digest before the packument that names it, and a package is committed with all of its
//! versions at once. So a run that was stopped leaves tarballs that the next one finds, and no package in a state that the
//! source never had.

mod names;
mod origin;
mod owners;
mod package;
mod tarball;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::ready;
use futures::{StreamExt as _, stream};
use tokio::sync::{Mutex, Semaphore};

use crate::accounts::Accounts;
use crate::domain::PackageName;
use crate::packages::Packages;
use crate::storage::StorageMeter;
use crate::upstream::Upstream;

pub use crate::domain::packument::ImportNote;
pub use crate::domain::publication::ImportRefusal;

#[cfg(feature = "signing")]
pub(super) use package::of_package;
#[cfg(feature = "signing")]
pub(super) use tarball::{collect, mebibytes};

use super::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY};

/// How many packages are imported at the same time. A packument may take many megabytes.
const PACKAGES: usize = 4;

/// How many mebibytes of tarballs are in memory at the same time. A larger tarball is alone there.
pub(super) const TARBALL_MEBIBYTES: u32 = 256;

/// Which packages of another registry are imported, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one choice of the operator, independent of the others"
)]
pub struct ImportOptions {
    /// Packages by name.
    pub names: Vec<PackageName>,
    /// Scopes, without `@`, of which the search of the other registry finds packages.
    pub scopes: Vec<String>,
    /// Whether to import all packages that the other registry lists at `/-/all`.
    pub all: bool,
    /// Whether to take over who starred a package. Only for a source whose users have the same names here: of another one,
    /// a star would be that of another user.
    pub stars: bool,
    /// Whether the source may lack versions that it had, so that none counts as gone there.
    pub partial: bool,
    /// Whether to add to packages that were published here, and never imported. Their owners may not know the source, so such a
    /// package fails otherwise.
    pub into_published: bool,
    /// Whether to write.
    pub mode: BulkMode,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            scopes: Vec::new(),
            all: false,
            stars: false,
            partial: false,
            into_published: false,
            mode: BulkMode::Apply,
        }
    }
}

/// A package that was imported, but for the versions that were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedPackage {
    /// The package.
    pub package: PackageName,
    /// How many versions were added, or would be.
    pub added: u64,
    /// How many versions were here already.
    pub unchanged: u64,
    /// How many bytes the added tarballs have. A dry run does not know.
    pub bytes: u64,
    /// What was decided here and stays, and what of the source is not taken over.
    pub notes: Vec<ImportNote>,
    /// Owners without an account here, whose names are reserved: no user can take them by signing up, until an operator
    /// [adds](crate::Registry::add_account) the account or [gives](crate::Registry::admit_name) the name to a provider.
    pub reserved_owners: Vec<String>,
}

/// An import that has begun.
struct Importing {
    packages: Packages,
    source: Arc<dyn Upstream>,
    mode: BulkMode,
    with_stars: bool,
    is_partial: bool,
    into_published: bool,
    tarballs: Semaphore,
    mebibytes: Semaphore,
    storage_meter: Arc<StorageMeter>,
    /// Whether the storage refused a write, as one does that is full, so that nothing more can be imported.
    is_over: AtomicBool,
    accounts: Accounts,
    /// Owner → whether the name is reserved. The owners of most packages are the same.
    owners: Mutex<HashMap<String, bool>>,
}

impl Bulk {
    /// Imports packages of another registry with all of their versions. A version or a package that fails does not keep the
    /// others from being imported.
    pub(crate) fn import_packages(
        &self,
        source: Arc<dyn Upstream>,
        options: ImportOptions,
    ) -> BulkStream<ImportedPackage> {
        let importing = Arc::new(Importing {
            packages: Packages::new(&self.parts.packages, &self.authorization),
            source: Arc::clone(&source),
            mode: options.mode,
            with_stars: options.stars,
            is_partial: options.partial,
            into_published: options.into_published,
            tarballs: Semaphore::new(CONCURRENCY),
            mebibytes: Semaphore::new(TARBALL_MEBIBYTES as usize),
            storage_meter: Arc::clone(&self.parts.storage_meter),
            is_over: AtomicBool::new(false),
            accounts: self.parts.accounts.clone(),
            owners: Mutex::default(),
        });
        let ended = Arc::clone(&importing);
        let imported = self.source_packages(source, options).map(move |name| {
            let importing = Arc::clone(&importing);
            async move {
                match name {
                    Ok(name) => importing.import(name).await,
                    Err(error) => vec![Err(error)],
                }
            }
        });
        let imported = imported.buffered(PACKAGES).flat_map(stream::iter);
        imported.filter(move |outcome| ready(ended.is_told(outcome))).boxed()
    }
}

impl Importing {
    /// Imports a package. Its failures come before it.
    async fn import(&self, package: PackageName) -> Vec<Result<ImportedPackage, BulkError>> {
        if self.is_over() {
            return Vec::new();
        }
        let mut failures = Vec::new();
        let imported = self.import_package(&package, &mut failures).await;
        failures.into_iter().map(Err).chain([imported]).collect()
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the import if the source is this registry, which is told once.
    fn is_told(&self, outcome: &Result<ImportedPackage, BulkError>) -> bool {
        let is_end = matches!(outcome, Err(BulkError::FromItself { .. }));
        !is_end || !self.is_over.swap(true, Ordering::Relaxed)
    }

    /// Ends the import after a write that the storage refused: each further one would fail alike.
    fn note_failed_write(&self) {
        if self.storage_meter.refuses_writes() {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }
}
