use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Representation;
use crate::domain::PackageName;
use crate::error::PackageError;
use crate::packages::Packages;
use crate::upstream::PackumentForm;

impl Packages {
    pub(crate) async fn packument(
        &self,
        caller: &Caller,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        self.authorization.require_read(caller, name)?;
        self.packument_for(Some(caller), name, form, base).await
    }

    /// Reads a packument for a caller whom the rules let read it, or for an operator, who needs no right.
    pub(super) async fn packument_for(
        &self,
        reader: Option<&Caller>,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        let read = || async {
            if let Some(hosted) = self.catalog().hosted_packument(name, form, base).await? {
                if let Some(caller) = reader {
                    self.authorization.require_audience(caller, name, &hosted.audience)?;
                }
                return Ok(hosted);
            }
            let foreign = Box::pin(self.proxy().upstream_packument(name, form, base)).await?;
            foreign.ok_or_else(|| Error::Package(PackageError::NotFound(name.clone())))
        };
        let found = self.catalog().read_again_if_published(read).await?;
        found.require_any_version(name)?;
        Ok(found)
    }
}
