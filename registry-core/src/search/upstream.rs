use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded::Serializer;

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::error::ProxyError;
use crate::proxy::NamedUpstream;
use crate::search::Search;

use super::complete::complete;
use super::index::View;
use super::page::{SearchHit, SearchPage, SearchQuery};
use super::private_names::TypedText;

/// How long a search waits for all upstreams together.
const PATIENCE: Duration = Duration::from_secs(4);

/// The part of an upstream's answer that is read.
#[derive(Deserialize)]
struct Answer {
    objects: Vec<Value>,
    #[serde(default)]
    total: Value,
}

impl Search {
    /// Adds hits of upstreams. All hits form one sequence, hosted ones first, then those of each upstream, as many as
    /// it reports; a page is a slice of that sequence. Hidden hits keep their position, so pages neither repeat nor
    /// skip hits of the next one.
    pub(super) async fn add_upstream_hits(
        &self,
        caller: &Caller,
        query: &SearchQuery,
        size: usize,
        view: &Arc<View>,
        page: &mut SearchPage,
    ) -> Result<(), Error> {
        let upstreams = self.upstreams_to_ask(caller, query, view).await?;
        let deadline = Instant::now() + PATIENCE;
        let mut room = (size - page.hits.len().min(size)) as u64;
        let mut from = (query.from as u64).saturating_sub(page.total);
        let mut hosted: Option<HashSet<&PackageName>> = None;
        for upstream in upstreams {
            // If the page is already full, the upstream is asked for its number of hits.
            let (ask_from, ask_size) = if room == 0 { (0, 1) } else { (from, room) };
            let asked = question(query, ask_from, ask_size);
            let answer = match timeout_at(deadline, self.ask_upstream(upstream, &asked)).await {
                Ok(Ok(Some(answer))) => answer,
                Ok(Ok(None)) => continue,
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, %upstream, "an upstream failed to answer a search");
                    continue;
                }
                Err(_) => {
                    tracing::warn!(%upstream, "an upstream did not answer a search in time");
                    continue;
                }
            };
            let total = answer.total.as_u64().unwrap_or(ask_from + answer.objects.len() as u64);
            page.total += total;
            if room > 0 {
                let hosted = hosted
                    .get_or_insert_with(|| view.packages().map(|indexed| &indexed.package.name).collect());
                let taken = usize::try_from(room).unwrap_or(usize::MAX);
                for hit in answer.objects.into_iter().take(taken) {
                    if !self.is_hit_allowed(upstream, &hit).await? {
                        continue;
                    }
                    self.add_upstream_hit(caller, upstream, hit, hosted, page);
                }
                room -= room.min(total.saturating_sub(from));
                from = from.saturating_sub(total);
            }
        }
        Ok(())
    }

    /// Returns the upstreams that may have packages for this caller and may see the text. None qualifies while the
    /// index is incomplete, since it is then unknown which names are private.
    async fn upstreams_to_ask(
        &self,
        caller: &Caller,
        query: &SearchQuery,
        view: &Arc<View>,
    ) -> Result<Vec<&NamedUpstream>, Error> {
        if !self.parts.search.settings.upstream || view.rebuilt().is_none() {
            return Ok(Vec::new());
        }
        let ids = self.authorization.access().upstreams_readable_by(caller.principal.as_deref());
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // If the store is not mounted, the index has no private names.
        self.parts.store.confirm_absence().await?;
        let (search, view, text) = (self.clone(), Arc::clone(view), query.text.clone());
        let ids = compute(view.packages().count() * 100, move || {
            let text = TypedText::new(&text);
            let may_see = |id: &Arc<str>| {
                let hosted = view.packages().map(|indexed| &indexed.private);
                text.may_be_seen_by(id, &search.authorization.access(), hosted)
            };
            ids.into_iter().filter(may_see).collect::<Vec<_>>()
        })
        .await?;
        let upstreams = &self.parts.upstream.upstreams;
        Ok(ids.iter().filter_map(|id| upstreams.iter().find(|upstream| upstream.id == *id)).collect())
    }

    async fn ask_upstream(&self, upstream: &NamedUpstream, query: &str) -> Result<Option<Answer>, Error> {
        let Some(json) = upstream.upstream.search(query).await? else { return Ok(None) };
        let answer = compute(json.len(), move || serde_json::from_slice(&json)).await?;
        answer.map(Some).map_err(|_| {
            let reason = "an answer to a search that has no `objects`".into();
            Error::Proxy(ProxyError::Upstream(crate::upstream::UpstreamError::Unusable {
                upstream: upstream.to_string(),
                reason,
            }))
        })
    }

    /// Adds a hit, if this caller would get the package from this upstream.
    fn add_upstream_hit(
        &self,
        caller: &Caller,
        upstream: &NamedUpstream,
        hit: Value,
        hosted: &HashSet<&PackageName>,
        page: &mut SearchPage,
    ) {
        let name = hit["package"]["name"].as_str().and_then(|name| PackageName::parse(name).ok());
        let Some(name) = name else { return };
        let is_there_already = page.hits.iter().any(|shown| match shown {
            SearchHit::Hosted(shown) => shown.name == name,
            SearchHit::Upstream(shown) => shown["package"]["name"] == name.as_str(),
        });
        let comes_from_it = self.authorization.access().origin(&name).upstreams.contains(&upstream.id);
        if is_there_already
            || hosted.contains(&name)
            || !comes_from_it
            || !self.authorization.may_read(caller, &name)
        {
            return;
        }
        page.hits.push(SearchHit::Upstream(complete(hit, &name)));
    }
}

fn question(query: &SearchQuery, from: u64, size: u64) -> String {
    let mut question = Serializer::new(String::new());
    question.append_pair("text", &query.text);
    question.append_pair("size", &size.to_string());
    question.append_pair("from", &from.to_string());
    for (weight, value) in &query.weights {
        question.append_pair(weight, &value.to_string());
    }
    question.finish()
}
