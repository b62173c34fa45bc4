mod accounts;
mod advisories;
mod builder;
mod downloads;
#[cfg(feature = "hooks")]
mod hooks;
mod operations;
mod operator;
mod organizations;
mod packages;
mod policy;
mod readiness;
mod recall;

use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use builder::{BuildContext, RegistryBuilder};
pub use readiness::{Readiness, ReadinessFinding};

use crate::Error;
use crate::access::{AccessRules, Action};
use crate::accounts::{Accounts, AccountsParts};
use crate::advisories::AdvisoryStore;
use crate::audit::{Advisories, Audit, AuditParts, AuditTree, AuditedPackages};
use crate::auth::{AuthProvider, Caller};
use crate::authorization::{Authorization, PermissionSummary};
use crate::care::CareParts;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::domain::{PackageName, Version};
#[cfg(feature = "hooks")]
use crate::hooks::HooksParts;
use crate::limits::Limits;
use crate::organizations::{Organizations, OrganizationsParts};
use crate::packages::known_bases::KnownBases;
use crate::packages::{Packages, PackagesParts};
use crate::proxy::{Proxy, ProxyParts, TrimmedUpstreamCache};
use crate::randomness::Randomness;
#[cfg(feature = "web")]
use crate::search::HostedHit;
use crate::search::{Search, SearchPage, SearchParts, SearchQuery};
use crate::storage::{BlobStore, Storage, StorageMeter};
#[cfg(feature = "web")]
use crate::web::WebParts;

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
    storage_meter: Arc<StorageMeter>,
    pub(crate) http: HttpSettings,
    packages: Arc<PackagesParts>,
    proxy: Arc<ProxyParts>,
    accounts: Arc<AccountsParts>,
    organizations: Arc<OrganizationsParts>,
    search: Arc<SearchParts>,
    audit: Arc<AuditParts>,
    advisories: Arc<AdvisoryStore>,
    changes: Changes,
    care: Arc<CareParts>,
    #[cfg(feature = "hooks")]
    hooks: Option<Arc<HooksParts>>,
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
    #[cfg(feature = "web")]
    pub(crate) web: WebParts,
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

    /// Waits until every past event has reached the sinks of events and, with a change feed, every past change the
    /// feed. Does not wait for sinks of the feed. Set your own timeout.
    pub async fn flush_events(&self) {
        self.parts.changes.flush().await;
        self.authorization.events().flush().await;
    }

    /// Ends the deliveries of changes by this process, each after what it is sending. Other replicas, and the next process, go
    /// on at once; they wait 2 minutes for a process that ended without this. Set your own timeout.
    pub async fn stop_deliveries(&self) {
        self.parts.changes.stop_deliveries().await;
    }

    /// Emits the counts of repeated denials now: of denials that are alike, all but the first few are counted and
    /// emitted once a minute. Call it before a process ends, and [`Registry::flush_events`] after it.
    pub fn sum_up_events(&self) {
        self.authorization.events().sum_up();
    }

    /// Returns the attestations of a version, as JSON in npm's format: those that it was published with here, or from the
    /// upstream that it comes from. No upstream is asked about hosted packages.
    pub async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.packages().attestations(caller, name, version).await
    }

    /// Deletes the least recently used blobs of the upstream cache if it exceeds the limit set with
    /// [`upstream_cache_bytes`](crate::RegistryBuilder::upstream_cache_bytes), until it holds nine tenths of that.
    /// Blobs used in the last two minutes stay. Requests trigger it in the background; call it on a schedule where
    /// nothing runs between requests.
    pub async fn trim_upstream_cache(&self) -> Result<TrimmedUpstreamCache, Error> {
        self.proxy().trim_upstream_cache().await
    }

    /// Returns the keys that this registry and the upstreams sign versions with, deduplicated, as JSON in npm's format. Those of
    /// upstreams are cached in memory as long as upstream packuments are fresh, and longer while an upstream fails.
    pub async fn signing_keys(&self) -> Result<Vec<u8>, Error> {
        let own = self.packages().own_keys().await?.into_iter().map(|key| json!(key)).collect();
        self.proxy().signing_keys(own).await
    }

    /// Finds packages that the caller may read: hosted ones as stored now, and after them those of upstreams, if the
    /// settings and the access rules permit and the text cannot name a private package.
    ///
    /// An upstream that does not answer within a few seconds adds nothing. The same query on the same packages returns
    /// the same order, and a page of upstream hits may contain fewer than requested, since some are hidden.
    pub async fn search(&self, caller: &Caller, query: &SearchQuery) -> Result<SearchPage, Error> {
        self.searches().search(caller, query).await
    }

    /// Returns the hosted packages that the caller may find, by the time of their latest versions, newest first.
    #[cfg(feature = "web")]
    pub(crate) async fn newest_packages(
        &self,
        caller: &Caller,
        most: usize,
    ) -> Result<Vec<HostedHit>, Error> {
        self.searches().newest(caller, most).await
    }

    /// Returns the advisories for these packages, from their upstreams, from the store, or from both
    /// ([`RegistryBuilder::audit_source`](crate::RegistryBuilder::audit_source)). Those of the store are for packages that the
    /// caller may read, hosted ones included.
    ///
    /// A name is not sent to an upstream, and gets no advisories, if the caller may not read it, if the rules list no
    /// upstream for it, or if it is hosted here. The same applies if the store cannot tell whether it is hosted. If
    /// several upstreams may have a package, the first that is known to have it is asked.
    pub async fn advisories(&self, caller: &Caller, packages: &AuditedPackages) -> Result<Advisories, Error> {
        self.audit().advisories(caller, packages).await
    }

    /// Audits a project's dependencies in the older format, in which advisories list the paths of packages in the
    /// tree. Sends requests as [`Registry::advisories`] does.
    pub async fn audit_report(&self, caller: &Caller, tree: AuditTree) -> Result<Value, Error> {
        self.audit().audit_report(caller, tree).await
    }

    /// Whether the access rules, the token's limits and team grants permit the caller to do `action` to `package`, if
    /// only to one that they own. Emits no event.
    pub fn may(&self, caller: &Caller, action: Action, package: &PackageName) -> bool {
        self.authorization().may(caller, action, package)
    }

    /// Returns what the caller may do, pattern by pattern.
    pub fn permission_summary(&self, caller: &Caller, action: Action) -> PermissionSummary {
        self.authorization().permission_summary(caller, action)
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
