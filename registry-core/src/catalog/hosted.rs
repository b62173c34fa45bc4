use std::sync::Arc;

use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::domain::packument::TarballIndex;
use crate::error::PackageError;
use crate::policy::{PackagePolicy, VersionOrigin};
use crate::upstream::PackumentForm;

use super::judged::Judged;
use super::representation::{Representation, RepresentationKey};
use super::spelling::{MAX_LOOKUPS, Standing};
use super::summary::Summary;

impl Catalog {
    pub(crate) async fn hosted_packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        let look = || async {
            let policy = self.hosted_policy(name).await?;
            let (name, base, stamp) = (name.clone(), Arc::clone(base), policy.stamp());
            let key = RepresentationKey { upstream: None, name, form, base, policy: stamp };
            self.parts.caches.representations.get(self, &key.name, &key, &policy).await
        };
        self.if_hosted(name, look).await
    }

    /// Returns the policies that concern a hosted package.
    pub(crate) async fn hosted_policy(&self, name: &PackageName) -> Result<PackagePolicy, Error> {
        self.parts.policies.of(name, VersionOrigin::Hosted).await
    }

    /// The summary of a hosted package. Of one whose packument has not changed, the store is asked just that.
    pub(crate) async fn hosted_summary(&self, name: &PackageName) -> Result<Option<Arc<Summary>>, Error> {
        let look = || async {
            let policy = self.hosted_policy(name).await?;
            let key = (name.clone(), policy.stamp());
            self.parts.caches.summaries.get(self, name, &key, &policy).await
        };
        self.if_hosted(name, look).await
    }

    /// Returns what `look` finds of a hosted package. Skips the lookup if the name is never hosted, or was not a moment
    /// ago. `None` is a proven absence: the store is the one that was opened, and the package never began in it.
    pub(crate) async fn if_hosted<T: Send, Found>(
        &self,
        name: &PackageName,
        look: impl Fn() -> Found + Send + Sync,
    ) -> Result<Option<T>, Error>
    where
        Found: Future<Output = Result<Option<T>, Error>> + Send,
    {
        let access = self.authorization.access();
        let origin = access.origin(name);
        let check = &self.parts.hosted_check;
        let has_upstream = !origin.upstreams.is_empty();
        if !origin.hosted || (has_upstream && check.is_known_absent(name)) {
            return Ok(None);
        }
        for _ in 0..MAX_LOOKUPS {
            let begun = check.look();
            let found = match look().await {
                // Where both may have the package, the upstream's is served until the hosted one has a version beyond
                // staged ones.
                Err(Error::Package(PackageError::NotFound(_))) if origin.shadow => return Ok(None),
                found => found?,
            };
            if found.is_some() {
                return Ok(found);
            }
            // The order matters: a lookup made while the store was not mounted is repeated once it is.
            self.parts.store.confirm_absence().await?;
            match self.standing(name).await? {
                Standing::Free => {
                    if has_upstream {
                        check.set_absent(name, begun);
                    }
                    return Ok(None);
                }
                Standing::Begun if origin.shadow => return Ok(None),
                Standing::Begun => {
                    tracing::info!(package = %name, "not asking an upstream for a package whose first publish began here");
                    return Err(Error::Package(PackageError::NotFound(name.clone())));
                }
                Standing::Stored => {}
            }
        }
        Err(Error::Busy)
    }

    /// Runs `read`, upstreams included, and once more if the package was published here just before an upstream was
    /// asked.
    pub(crate) async fn read_again_if_published<T, Reading>(
        &self,
        read: impl Fn() -> Reading + Send + Sync,
    ) -> Result<T, Error>
    where
        Reading: Future<Output = Result<T, Error>> + Send,
    {
        match Box::pin(read()).await {
            Err(error) if error.is_published_meanwhile() => Box::pin(read()).await,
            answer => answer,
        }
    }

    /// Returns where the tarballs of a package are, and which of them are refused; `None` where there is no package.
    pub(crate) async fn tarball_index(
        &self,
        name: &PackageName,
        policy: &PackagePolicy,
    ) -> Result<Option<Arc<Judged<TarballIndex>>>, Error> {
        let key = (name.clone(), policy.stamp());
        self.parts.caches.tarballs.get(self, name, &key, policy).await
    }
}
