use std::collections::BTreeSet;

use futures::TryStreamExt as _;

use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::storage::{BlobPath, BlobPrefix, Key};

impl Catalog {
    /// Returns every folder of the store that may belong to a package.
    pub(crate) async fn list_packages(&self) -> Result<Vec<PackageName>, Error> {
        self.packages_below("").await
    }

    /// Returns every package of which something may be cached.
    pub(crate) async fn list_cached_packages(&self) -> Result<BTreeSet<PackageName>, Error> {
        let mut names = BTreeSet::new();
        for upstream in self.parts.store.list_folders(&Key::upstreams()?).await? {
            if !upstream.starts_with('_') {
                names.extend(self.packages_below(&format!("_upstream/{upstream}/")).await?);
            }
        }
        Ok(names)
    }

    /// Returns every package with a folder in the one of this path, which is empty or ends with a slash.
    async fn packages_below(&self, path: &str) -> Result<Vec<PackageName>, Error> {
        let root = match path.strip_suffix('/') {
            None => BlobPrefix::ROOT,
            Some(path) => BlobPrefix::folder(BlobPath::parse(path)?),
        };
        let mut names = Vec::new();
        for folder in self.parts.store.list_folders(&root).await? {
            if !folder.starts_with('@') {
                names.extend(Key::package_of_folder(&folder));
                continue;
            }
            let Ok(scope) = BlobPath::parse(&format!("{path}{folder}")) else { continue };
            for below in self.parts.store.list_folders(&BlobPrefix::folder(scope)).await? {
                names.extend(Key::package_of_folder(&format!("{folder}/{below}")));
            }
        }
        Ok(names)
    }

    /// Returns every package that the store has a folder of, or whose spelling is entered, so that a package whose whole
    /// folder is lost is among them.
    pub(crate) async fn list_known_packages(&self) -> Result<BTreeSet<PackageName>, Error> {
        let mut names: BTreeSet<_> = self.list_packages().await?.into_iter().collect();
        let known: BTreeSet<_> = names.iter().map(PackageName::folded).collect();
        let spellings = Key::spellings()?;
        let mut entries = self.parts.store.list(&spellings);
        while let Some(entry) = entries.try_next().await? {
            let folded = spellings.remainder(&entry.path).and_then(|name| PackageName::parse(name).ok());
            if let Some(folded) = folded.filter(|folded| !known.contains(folded)) {
                // What is damaged hides no package: the entry's own name is as good.
                names.insert(self.spelled_as(&folded).await.ok().flatten().unwrap_or(folded));
            }
        }
        Ok(names)
    }
}
