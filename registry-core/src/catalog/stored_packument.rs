use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::error::PackageError;
use crate::storage::{Blob, BlobPath, BlobStoreExt as _, Key};

/// A stored packument and its path.
#[derive(Debug, Clone)]
pub(crate) struct StoredPackument {
    pub(crate) blob: Blob,
    pub(crate) path: BlobPath,
}

impl Catalog {
    /// Returns the packument as stored now, also from where codebox-npm put it.
    pub(crate) async fn read_packument(&self, name: &PackageName) -> Result<Option<StoredPackument>, Error> {
        let paths = [Key::Packument(name).path()?, Key::PlainPackument(name).path()?];
        let found = self.parts.store.get_first(&paths).await?;
        Ok(found.map(|(path, blob)| StoredPackument { blob, path: path.clone() }))
    }

    /// Returns the stored packument, or an error if there is none.
    pub(crate) async fn require_packument(&self, name: &PackageName) -> Result<StoredPackument, Error> {
        self.read_packument(name).await?.ok_or_else(|| Error::Package(PackageError::NotFound(name.clone())))
    }
}
