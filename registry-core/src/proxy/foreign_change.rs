use crate::Error;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::Packument;
use crate::error::{PackageError, ProxyError};
use crate::proxy::Proxy;

use crate::catalog::StoredIndex;

/// Changes of packages that are served here and hosted elsewhere. Clients read a 404 as a change already made, so such
/// a change is rejected with an error that names the upstream.
impl Proxy {
    /// Returns the stored packument of a package to change.
    pub(crate) async fn require_index_to_change(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<StoredIndex, Error> {
        let found = self.catalog().require_index(name).await;
        self.told_where_from(caller, name, found).await
    }

    /// Rejects a change of a package that is not hosted here.
    pub(crate) async fn require_hosted_to_change(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<(), Error> {
        self.require_index_to_change(caller, name).await.map(drop)
    }

    /// Replaces "package not found" with a rejection that names the upstream, if the caller may read the package from
    /// one.
    pub(crate) async fn told_where_from<T>(
        &self,
        caller: &Caller,
        name: &PackageName,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        match result {
            Err(Error::Package(PackageError::NotFound(missing)))
                if missing == *name && self.authorization.may_read(caller, name) =>
            {
                Err(self.why_missing(name).await?)
            }
            other => other,
        }
    }

    async fn why_missing(&self, name: &PackageName) -> Result<Error, Error> {
        let missing = Error::Package(PackageError::NotFound(name.clone()));
        let catalog = self.catalog();
        if let Some(index) = catalog.if_hosted(name, || catalog.read_index(name)).await? {
            // The hosted package hides the upstream's, unless it never had a version and the rules permit both to have
            // the name.
            let is_new = Packument::parse(name, &index.blob.bytes)?.is_new();
            if !is_new || !self.authorization.access().origin(name).shadow {
                return Ok(missing);
            }
        }
        let upstream = Box::pin(self.upstream_that_has(name)).await?;
        Ok(upstream.map_or(missing, |upstream| {
            Error::Proxy(ProxyError::ComesFromUpstream {
                name: name.clone(),
                upstream: upstream.id.to_string(),
            })
        }))
    }
}
