use std::sync::Arc;

use crate::Error;
use crate::catalog::Representation;
use crate::domain::packument::Packument;
use crate::domain::{PackageName, Version};
use crate::packages::Packages;
use crate::storage::OpenBlob;
use crate::upstream::PackumentForm;

/// Reads of an operator, who needs no right. They take the same path as those of a client: hosted packages from the
/// store, others from the cache or the upstream, with every digest verified.
impl Packages {
    /// Returns the full packument with tarballs below `base`.
    pub(crate) async fn packument_to_bundle(
        &self,
        name: &PackageName,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        self.packument_for(None, name, PackumentForm::Full, base).await
    }

    /// Opens the tarball of a version.
    pub(crate) async fn tarball_to_bundle(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<OpenBlob, Error> {
        let found = self.find_tarball_for(None, name, version).await?;
        self.open_tarball(&found, None).await
    }

    /// Returns what `read` finds in the stored packument; `None` is a package that is not hosted, proven.
    pub(crate) async fn read_hosted<Read: Send>(
        &self,
        name: &PackageName,
        read: impl FnOnce(Option<&Packument<'_>>) -> Read + Send,
    ) -> Result<Read, Error> {
        let found = self.catalog().read_packument(name).await?;
        let Some(index) = self.parts.store.or_proven_absent(found).await? else { return Ok(read(None)) };
        Ok(read(Some(&Packument::parse(name, &index.blob.bytes)?)))
    }
}
