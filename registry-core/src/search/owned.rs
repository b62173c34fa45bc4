use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::search::Search;

use super::index::View;
use super::page::COST_OF_PACKAGE;

impl Search {
    /// Returns the hosted packages that `account` owns and the caller may find.
    pub(crate) async fn packages_owned_by(
        &self,
        caller: &Caller,
        account: &str,
    ) -> Result<Vec<PackageName>, Error> {
        let view = self.complete_index().await?;
        self.owned_in(caller, account, view).await
    }

    /// Like [`Self::packages_owned_by`], of the index as it is: builds nothing.
    pub(crate) async fn indexed_packages_owned_by(
        &self,
        caller: &Caller,
        account: &str,
    ) -> Result<Vec<PackageName>, Error> {
        let view = self.look_at_index().await?;
        self.owned_in(caller, account, view).await
    }

    async fn owned_in(
        &self,
        caller: &Caller,
        account: &str,
        view: Arc<View>,
    ) -> Result<Vec<PackageName>, Error> {
        let cost = view.packages().count() * COST_OF_PACKAGE;
        let (search, caller, account, view) =
            (self.clone(), caller.clone(), account.to_owned(), Arc::clone(&view));
        let owned = compute(cost, move || {
            let owned = view.packages().map(|indexed| &indexed.package).filter(|package| {
                let entry = package.entry.as_ref();
                entry.is_some_and(|entry| entry.maintainers.iter().any(|owner| owner.name == account))
                    && search.may_find(&caller, package)
            });
            owned.map(|package| package.name.clone()).collect()
        });
        Ok(owned.await?)
    }
}
