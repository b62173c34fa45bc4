use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::Error;
use crate::catalog::SearchView;
use crate::domain::PackageName;
use crate::policy::{VersionFacts, VersionOrigin};
use crate::proxy::NamedUpstream;
use crate::search::Search;

use super::page::SearchHit;

/// How many packages are looked up at once.
const AT_ONCE: usize = 16;

impl Search {
    /// Replaces the version of a hosted hit that policies refuse by the one that `latest` names for readers, and removes hits
    /// without one. Their places on the page stay empty.
    pub(super) async fn judged_hits(&self, hits: Vec<SearchHit>) -> Result<Vec<SearchHit>, Error> {
        let judged = hits.into_iter().map(|hit| self.judged_hit(hit));
        stream::iter(judged).buffered(AT_ONCE).try_filter_map(async |hit| Ok(hit)).try_collect().await
    }

    async fn judged_hit(&self, hit: SearchHit) -> Result<Option<SearchHit>, Error> {
        let SearchHit::Hosted(mut hosted) = hit else { return Ok(Some(hit)) };
        let catalog = self.catalog();
        if catalog.hosted_policy(&hosted.name).await?.stamp() == 0 {
            return Ok(Some(SearchHit::Hosted(hosted)));
        }
        let summary = match catalog.hosted_summary(&hosted.name).await {
            Ok(summary) => summary,
            // It was unpublished a moment ago.
            Err(Error::Package(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(match summary.as_ref().map(|summary| summary.search.clone()) {
            None | Some(SearchView::Hidden) => None,
            Some(SearchView::AsIndexed) => Some(SearchHit::Hosted(hosted)),
            Some(SearchView::Entry(entry)) => {
                hosted.entry = *entry;
                Some(SearchHit::Hosted(hosted))
            }
        })
    }

    /// Whether policies allow the version of an upstream's hit, by what the hit says of it.
    pub(super) async fn is_hit_allowed(&self, upstream: &NamedUpstream, hit: &Value) -> Result<bool, Error> {
        let package = &hit["package"];
        let name = package["name"].as_str().and_then(|name| PackageName::parse(name).ok());
        let Some(name) = name else { return Ok(true) };
        let origin = VersionOrigin::Upstream(&upstream.id);
        let policy = self.parts.catalog.policies.of(&name, origin).await?;
        if policy.stamp() == 0 {
            return Ok(true);
        }
        let mut facts = VersionFacts::new(&name, package["version"].as_str().unwrap_or_default(), origin);
        facts.published = package["date"].as_str().and_then(|date| date.parse().ok());
        facts.license = package["license"].as_str().map(str::to_owned);
        Ok(policy.allows(&facts))
    }
}
