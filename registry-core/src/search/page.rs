use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::domain::search::{Findable, SearchEntry, SearchText};
use crate::error::RequestError;
use crate::search::Search;

use super::index::View;

/// The longest search text in bytes.
const LONGEST_TEXT: usize = 1_000;
/// The approximate cost of evaluating a package, as a number of JSON bytes that could be parsed in that time.
pub(super) const COST_OF_PACKAGE: usize = 100;

/// A search query.
#[derive(Debug, Clone, Default)]
pub struct SearchQuery {
    /// Words and qualifiers, such as `scope:acme`. At most 1,000 bytes.
    pub text: String,
    /// How many hits to skip.
    pub from: usize,
    /// How many hits to return, [`SearchQuery::LARGEST`] at most.
    pub size: usize,
    /// Ranking weights, such as `quality`. They are passed to upstreams and have no effect on hosted packages.
    pub weights: Vec<(&'static str, f64)>,
}

impl SearchQuery {
    /// The most hits on one page.
    pub const LARGEST: usize = 250;
}

/// A page of search hits.
#[derive(Debug, Clone)]
pub struct SearchPage {
    /// The hits, best first: hosted packages, then those of upstreams in the upstreams' own order.
    pub hits: Vec<SearchHit>,
    /// The total number of hits. For upstreams it is the number that they report, which includes hidden hits.
    pub total: u64,
    /// When the search was answered.
    pub time: DateTime<Utc>,
    /// Whether every hosted package was searched. False while the first index of a storage is built, which goes on in the
    /// background: a later search finds the rest.
    pub is_complete: bool,
}

/// A found package.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SearchHit {
    /// A hosted package.
    Hosted(Box<HostedHit>),
    /// A package of an upstream, in npm's format, as the upstream describes it.
    Upstream(Value),
}

/// A found hosted package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedHit {
    /// The package.
    pub name: PackageName,
    /// The entry of its `latest` version.
    pub entry: SearchEntry,
    /// How well it matches, from 0 to 100.
    pub score: u32,
}

impl Search {
    pub(crate) async fn search(&self, caller: &Caller, query: &SearchQuery) -> Result<SearchPage, Error> {
        if query.text.trim().is_empty() {
            return Err(Error::Request(RequestError::SearchTextMissing));
        }
        if query.text.len() > LONGEST_TEXT {
            return Err(Error::request(format!(
                "the text to search for is longer than {LONGEST_TEXT} bytes: search for fewer words"
            )));
        }
        let size = query.size.min(SearchQuery::LARGEST);
        let view = self.complete_index().await?;
        let found = self.search_hosted(caller, query, size, &view).await?;
        let (time, is_complete) = (self.parts.clock.now(), view.rebuilt().is_some());
        let mut page = SearchPage { hits: found.hits, total: found.total, time, is_complete };
        self.add_upstream_hits(caller, query, size, &view, &mut page).await?;
        page.hits = self.judged_hits(page.hits).await?;
        Ok(page)
    }

    /// Whether the caller may find the package.
    pub(crate) fn may_find(&self, caller: &Caller, package: &Findable) -> bool {
        self.authorization.may_read(caller, &package.name)
            && package
                .entry
                .as_ref()
                .is_none_or(|entry| self.authorization.is_among(caller, &package.name, &entry.audience()))
    }

    async fn search_hosted(
        &self,
        caller: &Caller,
        query: &SearchQuery,
        size: usize,
        view: &Arc<View>,
    ) -> Result<Found, Error> {
        let (search, caller, view) = (self.clone(), caller.clone(), Arc::clone(view));
        let (text, from) = (SearchText::parse(&query.text), query.from);
        let cost = view.packages().count() * COST_OF_PACKAGE;
        let found = compute(cost, move || {
            let fitting = view.packages().map(|indexed| &indexed.package);
            let fitting = fitting.filter_map(|package| Some((text.relevance(package)?, package)));
            let mut fitting: Vec<_> =
                fitting.filter(|(_, package)| search.may_find(&caller, package)).collect();
            fitting.sort_unstable_by(|(one, first), (other, second)| {
                other.cmp(one).then_with(|| first.name.cmp(&second.name))
            });
            let shown = fitting.iter().skip(from).take(size).filter_map(|(relevance, package)| {
                let entry = package.entry.clone()?;
                let score = relevance.score();
                Some(SearchHit::Hosted(Box::new(HostedHit { name: package.name.clone(), entry, score })))
            });
            Found { hits: shown.collect(), total: fitting.len() as u64 }
        });
        Ok(found.await?)
    }
}

struct Found {
    hits: Vec<SearchHit>,
    total: u64,
}
