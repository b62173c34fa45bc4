use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute;
use crate::search::Search;

use super::page::{COST_OF_PACKAGE, HostedHit, SearchHit};

impl Search {
    /// Returns the hosted packages that the caller may find, by the time of their latest versions, newest first.
    pub(crate) async fn newest(&self, caller: &Caller, most: usize) -> Result<Vec<HostedHit>, Error> {
        let view = self.complete_index().await?;
        let (search, caller) = (self.clone(), caller.clone());
        let cost = view.packages().count() * COST_OF_PACKAGE;
        let newest = compute(cost, move || {
            let packages = view.packages().map(|indexed| &indexed.package);
            let dated =
                packages.filter_map(|package| Some((package.entry.as_ref()?.date.as_deref()?, package)));
            let mut dated: Vec<_> = dated.filter(|(_, package)| search.may_find(&caller, package)).collect();
            dated.sort_unstable_by(|(one, first), (other, second)| {
                other.cmp(one).then_with(|| first.name.cmp(&second.name))
            });
            let hits = dated.into_iter().take(most).filter_map(|(_, package)| {
                let entry = package.entry.clone()?;
                Some(SearchHit::Hosted(Box::new(HostedHit { name: package.name.clone(), entry, score: 0 })))
            });
            hits.collect()
        });
        let judged = self.judged_hits(newest.await?).await?;
        let hosted = judged.into_iter().filter_map(|hit| match hit {
            SearchHit::Hosted(hit) => Some(*hit),
            SearchHit::Upstream(_) => None,
        });
        Ok(hosted.collect())
    }
}
