use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::error::PackageError;
use crate::storage::{Blob, BlobPath, BlobStoreExt as _, Key};

/// A stored packument and its path.
#[derive(Debug, Clone)]
pub(crate) struct StoredIndex {
    pub(crate) blob: Blob,
    pub(crate) path: BlobPath,
}

impl Catalog {
    /// Returns the packument as stored now, also from where codebox-npm put it.
    pub(crate) async fn read_index(&self, name: &PackageName) -> Result<Option<StoredIndex>, Error> {
        let paths = [Key::Packument(name).path()?, Key::PlainPackument(name).path()?];
        let found = self.parts.store.get_first(&paths).await?;
        Ok(found.map(|(path, blob)| StoredIndex { blob, path: path.clone() }))
    }

    /// Returns the stored packument, or an error if there is none.
    pub(crate) async fn require_index(&self, name: &PackageName) -> Result<StoredIndex, Error> {
        self.read_index(name).await?.ok_or_else(|| Error::Package(PackageError::NotFound(name.clone())))
    }
}
