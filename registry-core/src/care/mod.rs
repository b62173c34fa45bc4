//! What operators do to keep a store in order, while servers run on it: verify, sweep, retain, count, and look for trouble.
//!
//! ```
//! use std::sync::Arc;
//! use futures::TryStreamExt as _;
//! use registry_core::care::VerifyOptions;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let names = registry.hosted_packages().await?;
//! let verified: Vec<_> = registry.verify_packages(names, VerifyOptions::default()).try_collect().await?;
//! assert!(verified.iter().all(|package| package.findings.is_empty()));
//! # Ok::<(), registry_core::Error>(()) }).unwrap();
//! ```

mod diagnose;
mod finding;
mod orphans;
mod retain;
mod sign;
mod stats;
mod sweep;
mod tarballs;
mod verify;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

pub use finding::{Finding, FindingKind};
pub use retain::{
    KeptVersion, RemovedVersion, RetainError, RetainedPackage, RetentionRule, RetentionRuleError,
    RetentionRules,
};
pub use sign::SignedPackage;
pub use stats::{PackageSize, StorageStats};
pub use sweep::{SweepOptions, SweptLeftovers, SweptPackage};
pub use verify::{VerifiedPackage, VerifyOptions};

use crate::Error;
use crate::accounts::{Accounts, AccountsParts};
use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::clock::Clock;
use crate::domain::PackageName;
use crate::downloads::Downloads;
use crate::packages::{Packages, PackagesParts};
use crate::proxy::{Proxy, ProxyParts};
use crate::randomness::Randomness;
use crate::storage::Storage;

/// How many tarballs are read concurrently.
const TARBALLS: usize = 2;

/// How many packuments are in memory at a time. One may take more than 100 MB.
const PACKUMENTS: usize = 1;

/// Keeps the store in order. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Care {
    parts: Arc<CareParts>,
    authorization: Authorization,
}

/// What [`Care`] works with.
pub(crate) struct CareParts {
    store: Arc<Storage>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    catalog: Arc<CatalogParts>,
    proxy: Arc<ProxyParts>,
    accounts: Arc<AccountsParts>,
    packages: Arc<PackagesParts>,
    downloads: Downloads,
    reading_tarballs: Semaphore,
    reading_packuments: Semaphore,
}

impl CareParts {
    /// Cares for the store of these packages.
    pub(crate) fn of(packages: &Arc<PackagesParts>) -> Self {
        Self {
            store: Arc::clone(&packages.store),
            clock: Arc::clone(&packages.clock),
            randomness: Arc::clone(&packages.randomness),
            catalog: Arc::clone(&packages.catalog),
            proxy: Arc::clone(&packages.proxy),
            accounts: Arc::clone(&packages.accounts),
            packages: Arc::clone(packages),
            downloads: packages.downloads.counts.clone(),
            reading_tarballs: Semaphore::new(TARBALLS),
            reading_packuments: Semaphore::new(PACKUMENTS),
        }
    }
}

impl Care {
    pub(crate) fn new(parts: &Arc<CareParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    pub(crate) async fn hosted_packages(&self) -> Result<Vec<PackageName>, Error> {
        let names = self.catalog().list_known_packages().await?;
        // An empty listing is a claim of absence.
        self.parts.store.confirm_absence().await?;
        Ok(names.into_iter().collect())
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(&self.parts.accounts, &self.authorization)
    }

    fn packages(&self) -> Packages {
        Packages::new(&self.parts.packages, &self.authorization)
    }

    /// Returns the moment before which something counts as old; the beginning of time for an age beyond it.
    fn moment_before(&self, age: std::time::Duration) -> DateTime<Utc> {
        let age = chrono::TimeDelta::from_std(age).ok();
        age.and_then(|age| self.parts.clock.now().checked_sub_signed(age)).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}
