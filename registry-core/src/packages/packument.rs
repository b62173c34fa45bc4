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
        let read = || async {
            if let Some(hosted) = self.catalog().hosted_packument(name, form, base).await? {
                self.authorization.require_audience(caller, name, &hosted.audience)?;
                return Ok(hosted);
            }
            let foreign = Box::pin(self.proxy().upstream_packument(name, form, base)).await?;
            foreign.ok_or_else(|| Error::Package(PackageError::NotFound(name.clone())))
        };
        self.catalog().read_again_if_published(read).await
    }
}
