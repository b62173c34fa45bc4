use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::storage::{BlobPath, BlobPrefix, Key};

impl Catalog {
    /// Returns every folder of the store that may belong to a package.
    pub(crate) async fn list_packages(&self) -> Result<Vec<PackageName>, Error> {
        let mut names = Vec::new();
        for folder in self.parts.store.list_folders(&BlobPrefix::ROOT).await? {
            if !folder.starts_with('@') {
                names.extend(Key::package_of_folder(&folder));
                continue;
            }
            let Ok(scope) = BlobPath::parse(&folder) else { continue };
            for below in self.parts.store.list_folders(&BlobPrefix::folder(scope)).await? {
                names.extend(Key::package_of_folder(&format!("{folder}/{below}")));
            }
        }
        Ok(names)
    }
}
