mod accounts;
mod builder;
mod organizations;
mod other_operations;
mod packages;

use std::fmt;
use std::sync::Arc;

pub use builder::{BuildContext, RegistryBuilder};

use crate::Error;
use crate::access::AccessRules;
use crate::accounts::{Accounts, AccountsParts};
use crate::audit::{Audit, AuditParts};
use crate::auth::AuthProvider;
use crate::authorization::Authorization;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::organizations::{Organizations, OrganizationsParts};
use crate::packages::known_bases::KnownBases;
use crate::packages::{Packages, PackagesParts};
use crate::proxy::{Proxy, ProxyParts};
use crate::randomness::Randomness;
use crate::search::{Search, SearchParts};
use crate::storage::{BlobStore, Storage};

/// A registry on one store. Cheap to clone; all clones share their state.
///
/// Any number of registries, in any number of processes, may share one store.
#[derive(Clone)]
pub struct Registry {
    pub(crate) parts: Arc<Parts>,
    authorization: Authorization,
}

/// The services of a registry, and what `http` needs beside them.
pub(crate) struct Parts {
    pub(crate) store: Arc<Storage>,
    pub(crate) http: HttpSettings,
    packages: Arc<PackagesParts>,
    proxy: Arc<ProxyParts>,
    accounts: Arc<AccountsParts>,
    organizations: Arc<OrganizationsParts>,
    search: Arc<SearchParts>,
    audit: Arc<AuditParts>,
}

/// What requests and responses are read and written with.
pub(crate) struct HttpSettings {
    pub(crate) limits: Limits,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) path_prefix: String,
    /// The path that a router removed before it called the registry.
    pub(crate) mounted_at: String,
    pub(crate) legacy_prefixes: Vec<String>,
    pub(crate) bases: KnownBases,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) publish_elsewhere: Option<Arc<str>>,
}

impl Registry {
    /// Begins a registry on `store`. Its operations need a tokio runtime with its timer on (`enable_all`).
    pub fn builder(store: Arc<dyn BlobStore>) -> RegistryBuilder {
        RegistryBuilder::new(store)
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        self.parts.store.blobs()
    }

    /// Returns the authentication providers, in the order in which they are asked.
    pub fn auth_providers(&self) -> &[Arc<dyn AuthProvider>] {
        &self.parts.accounts.providers
    }

    /// Whether the store answers, and is the one that was opened.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.parts.store.confirm_absence().await?)
    }

    /// Opens the store: reads its marker, `_registry.json`, or creates it if there is none. From then on, in every
    /// process on the store, an absence counts only while the marker is there: a folder that is not mounted or a
    /// deleted bucket looks like a store without packages, and the names of your packages would be looked up upstream.
    ///
    /// Call it once before the first request, so that an unavailable store fails the start. Without it, the marker is
    /// read, or created, when the store first reports an absence.
    ///
    /// A read-only store without a marker is used without one, with a warning in the log.
    pub async fn open(&self) -> Result<(), Error> {
        self.ready().await
    }

    /// Replaces the access rules from the next request on. Requests in flight keep the rules that they began with,
    /// origins included. An upstream in `origin` that this registry does not have is not asked.
    pub fn set_access(&self, access: AccessRules) {
        self.authorization.set_access(access);
    }

    /// Returns the current access rules.
    pub fn access(&self) -> AccessRules {
        self.authorization.access()
    }

    /// Returns a handle that keeps using the current access rules, so that several calls decide alike.
    /// [`Registry::handle`] takes one for each request.
    #[must_use]
    pub fn with_access_snapshot(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), authorization: self.authorization.with_access_snapshot() }
    }

    /// Waits until every past event has reached the sink. Set your own timeout.
    pub async fn flush_events(&self) {
        self.authorization.events().flush().await;
    }

    /// Emits the counts of repeated denials now: of denials that are alike, all but the first few are counted and
    /// emitted once a minute. Call it before a process ends, and [`Registry::flush_events`] after it.
    pub fn sum_up_events(&self) {
        self.authorization.events().sum_up();
    }

    pub(crate) fn packages(&self) -> Packages {
        Packages::new(&self.parts.packages, &self.authorization)
    }

    pub(crate) fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }

    pub(crate) fn accounts(&self) -> Accounts {
        Accounts::new(&self.parts.accounts, &self.authorization)
    }

    pub(crate) fn organizations(&self) -> Organizations {
        Organizations::new(&self.parts.organizations, &self.authorization)
    }

    pub(crate) fn searches(&self) -> Search {
        Search::new(&self.parts.search, &self.authorization)
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::new(&self.parts.audit, &self.authorization)
    }

    pub(crate) fn authorization(&self) -> &Authorization {
        &self.authorization
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").field("store", &self.parts.store).finish_non_exhaustive()
    }
}
