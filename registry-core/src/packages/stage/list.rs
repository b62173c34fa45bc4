use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use futures::future::try_join_all;

use crate::Error;
use crate::accounts::whoami;
use crate::auth::Caller;
use crate::authorization::WriteRight;
use crate::concurrency::compute;
use crate::domain::packument::Packument;
use crate::domain::{PackageName, Version};
use crate::packages::Packages;
use crate::storage::Key;

use super::StagedItem;

/// How many packuments are read concurrently. Each may take many megabytes.
const AT_A_TIME: usize = 8;

impl Packages {
    pub(crate) async fn staged_versions(
        &self,
        caller: &Caller,
        package: Option<&PackageName>,
    ) -> Result<Vec<StagedItem>, Error> {
        whoami(caller)?;
        let names = match package {
            Some(name) => BTreeSet::from([name.clone()]),
            None => self.packages_with_staged().await?,
        };
        // A package that the caller may not write is not looked up.
        let rights = names.into_iter().filter_map(|name| {
            let right = self.authorization.staging_right(caller, &name)?;
            Some((name, right))
        });
        let rights: Vec<_> = rights.collect();
        let mut items = Vec::new();
        for some in rights.chunks(AT_A_TIME) {
            let found = some.iter().map(|(name, right)| self.staged_of(name, right.clone()));
            items.extend(try_join_all(found).await?.into_iter().flatten());
        }
        Ok(items)
    }

    /// Returns the packages that have staged versions, and perhaps some that had.
    async fn packages_with_staged(&self) -> Result<BTreeSet<PackageName>, Error> {
        let markers = self.parts.store.list(&Key::staged_of()?);
        Ok(markers
            .try_filter_map(async |marker| Ok(Key::package_of_staged(&marker.path)))
            .try_collect()
            .await?)
    }

    async fn staged_of(&self, name: &PackageName, right: WriteRight) -> Result<Vec<StagedItem>, Error> {
        let Some(index) = self.catalog().read_index(name).await? else { return Ok(Vec::new()) };
        let (name, is_public) = (name.clone(), self.authorization.is_public(name));
        compute(index.blob.bytes.len(), move || {
            let packument = Packument::parse(&name, &index.blob.bytes)?;
            if right.check(&packument).is_err() {
                return Ok(Vec::new());
            }
            let items = packument.staged.iter().filter_map(|(version, staged)| {
                let (version, staged) = (Version::parse(version).ok()?, staged.clone());
                Some(StagedItem { name: name.clone(), version, staged, is_public })
            });
            let mut items: Vec<_> = items.collect();
            items.sort_by(|one, other| {
                (&one.staged.created, &one.version).cmp(&(&other.staged.created, &other.version))
            });
            Ok(items)
        })
        .await?
    }
}
