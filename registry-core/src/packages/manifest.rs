use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::catalog::require_selectable;
use crate::domain::PackageName;
use crate::domain::packument::Packument;
use crate::domain::shorten::shorten;
use crate::error::PackageError;
use crate::packages::Packages;
use crate::upstream::PackumentForm;

impl Packages {
    pub(crate) async fn manifest(
        &self,
        caller: &Caller,
        name: &PackageName,
        selector: &str,
        base: &Arc<str>,
    ) -> Result<Vec<u8>, Error> {
        self.authorization.require_read(caller, name)?;
        let not_found =
            || Error::Package(PackageError::VersionNotFound { selector: shorten(selector).into_owned() });
        let read = || async {
            if let Some(hosted) = self.catalog().hosted_packument(name, PackumentForm::Full, base).await? {
                self.authorization.require_audience(caller, name, &hosted.audience)?;
                hosted.require_any_version(name)?;
                let packument = Packument::parse(name, &hosted.identity)?;
                let Some(version) = packument.select(selector) else {
                    if let Some(decisions) = &hosted.decisions {
                        require_selectable(name, selector, decisions)?;
                    }
                    return Err(not_found());
                };
                let manifest = packument.versions.get(version).ok_or_else(not_found)?;
                return Ok(manifest.get().into());
            }
            Box::pin(self.proxy().upstream_manifest(name, selector, base)).await?.ok_or_else(not_found)
        };
        self.catalog().read_again_if_published(read).await
    }
}
