use bytes::Bytes;
use serde_json::Value;

use crate::access::Action;
use crate::audit::{Advisories, AuditTree, AuditedPackages};
use crate::auth::Caller;
use crate::authorization::PermissionSummary;
use crate::domain::{PackageName, Version};
use crate::proxy::TrimmedUpstreamCache;
use crate::search::{SearchPage, SearchQuery};
use crate::{Error, Registry};

/// The operations of the proxy, of searches, of audits and on permissions.
impl Registry {
    /// Returns the attestations of a version, as JSON in npm's format, from the upstream that it comes from. Hosted
    /// packages have none, and no upstream is asked about them.
    pub async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.proxy().attestations(caller, name, version).await
    }

    /// Deletes the least recently used blobs of the upstream cache if it exceeds the limit set with
    /// [`upstream_cache_bytes`](crate::RegistryBuilder::upstream_cache_bytes), until it holds nine tenths of that.
    /// Blobs used in the last two minutes stay. Requests trigger it in the background; call it on a schedule where
    /// nothing runs between requests.
    pub async fn trim_upstream_cache(&self) -> Result<TrimmedUpstreamCache, Error> {
        self.proxy().trim_upstream_cache().await
    }

    /// Returns the keys that the upstreams sign packages with, deduplicated, as JSON in npm's format. They are cached
    /// in memory as long as upstream packuments are fresh, and longer while an upstream fails.
    pub async fn signing_keys(&self) -> Result<Vec<u8>, Error> {
        self.proxy().signing_keys().await
    }

    /// Finds packages that the caller may read: hosted ones as stored now, and after them those of upstreams, if the
    /// settings and the access rules permit and the text cannot name a private package.
    ///
    /// An upstream that does not answer within a few seconds adds nothing. The same query on the same packages returns
    /// the same order, and a page of upstream hits may contain fewer than requested, since some are hidden.
    pub async fn search(&self, caller: &Caller, query: &SearchQuery) -> Result<SearchPage, Error> {
        self.searches().search(caller, query).await
    }

    /// Returns the advisories for these packages from their upstreams.
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
}
