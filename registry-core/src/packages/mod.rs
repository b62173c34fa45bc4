//! Hosted packages: publish, read, dist-tags, deprecate, unpublish, owners, stars and stages, one operation a file. An
//! operation takes a typed request on behalf of a [`Caller`](crate::auth::Caller) and knows neither HTTP nor any
//! particular backend.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::domain::PackageName;
//! use registry_core::error::{Error, PackageError};
//! use registry_core::{Registry, auth::Caller, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).open_to_everyone().build();
//! let pear = PackageName::parse("pear").unwrap();
//! let answer = registry.dist_tags(&Caller::anonymous(), &pear).await;
//! assert!(matches!(answer, Err(Error::Package(PackageError::NotFound(_)))));
//! # });
//! ```

mod advisories;
#[cfg(feature = "signing")]
mod bundle;
mod changes;
mod check;
pub(crate) mod commit;
pub(crate) mod deprecate;
mod dist_tags;
pub(crate) mod document_change;
mod downloads;
mod import;
pub(crate) mod known_bases;
mod manifest;
mod on_behalf_of;
mod owners;
pub(crate) mod package_access;
pub(crate) mod packument;
mod policy;
mod provenance;
pub(crate) mod publish;
mod recall;
mod retain;
mod sbom;
mod sign;
mod simulate;
pub(crate) mod stage;
pub(crate) mod star;
pub(crate) mod summary;
pub(crate) mod tarball;
pub(crate) mod tarball_redirect;
mod unpublish;

pub use crate::authorization::{PermissionSummary, SummarizedRule};
pub use crate::catalog::Representation;
pub use advisories::{AddedAdvisory, AdvisoryRecall, AdvisoryRecalls, AdvisoryUpdate};
pub use check::{CheckedVersion, VersionToCheck};
pub use document_change::ChangeDocument;
pub(crate) use downloads::{DownloadParts, DownloadSetUp};
pub(crate) use import::ImportPlan;
pub use package_access::{Collaborator, PackageAccessChange};
pub(crate) use provenance::ProvenanceParts;
pub use publish::Published;
pub use recall::{FetchReport, Fetcher};
pub use sbom::SbomSubject;
pub(crate) use sign::{SigningParts, signed_text};
pub use simulate::{PolicySimulation, SimulatedRefusal};
pub use stage::StagedItem;
pub use tarball::{FoundTarball, TarballRange};
pub use tarball_redirect::TarballRedirect;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::accounts::{Accounts, AccountsParts};
use crate::authorization::Authorization;
use crate::blocking::{Blocking, BlockingParts};
use crate::catalog::{Catalog, CatalogParts, HostedCheck};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::concurrency::KeyedMutex;
use crate::domain::PackageName;
use crate::limits::Limits;
use crate::memberships::MembershipLookup;
use crate::proxy::{Proxy, ProxyParts};
use crate::randomness::Randomness;
use crate::search::{Search, SearchParts};
use crate::storage::Storage;

/// Publishes, changes and serves packages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Packages {
    parts: Arc<PackagesParts>,
    authorization: Authorization,
}

/// What [`Packages`] works with.
pub(crate) struct PackagesParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) limits: Limits,
    pub(crate) commits: CommitParts,
    pub(crate) redirect_above: Option<u64>,
    /// The origins from which an `npm-shrinkwrap.json` may take packages.
    pub(crate) shrinkwrap_origins: BTreeSet<String>,
    pub(crate) hosted_check: Arc<HostedCheck>,
    pub(crate) memberships: MembershipLookup,
    pub(crate) catalog: Arc<CatalogParts>,
    pub(crate) proxy: Arc<ProxyParts>,
    pub(crate) blocking: Arc<BlockingParts>,
    pub(crate) accounts: Arc<AccountsParts>,
    pub(crate) searches: Arc<SearchParts>,
    pub(crate) downloads: DownloadParts,
    pub(crate) signing: SigningParts,
    #[cfg_attr(
        not(feature = "provenance"),
        expect(dead_code, reason = "without the feature, no provenance is verified")
    )]
    pub(crate) provenance: ProvenanceParts,
}

/// What a commit of a packument works with.
#[derive(Default)]
pub(crate) struct CommitParts {
    pub(crate) locks: KeyedMutex<PackageName>,
    pub(crate) changes: Changes,
}

impl Packages {
    pub(crate) fn new(parts: &Arc<PackagesParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    /// The same service, deciding by the access rules as they are now.
    fn with_access_snapshot(&self) -> Self {
        Self { authorization: self.authorization.with_access_snapshot(), ..self.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn blocking(&self) -> Blocking {
        Blocking::new(&self.parts.blocking, &self.authorization)
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(&self.parts.accounts, &self.authorization)
    }

    fn searches(&self) -> Search {
        Search::new(&self.parts.searches, &self.authorization)
    }
}
