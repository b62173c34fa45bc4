//! Search: an index in the store that every write updates, and hits from upstreams.

mod complete;
mod index;
mod index_writer;
mod judged;
#[cfg(feature = "web")]
mod newest;
mod owned;
mod page;
mod private_names;
mod reindex;
mod shard;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::clock::Clock;
use crate::proxy::UpstreamParts;
use crate::storage::Storage;

pub(crate) use index::SearchState;
pub(crate) use index_writer::IndexUpdate;
pub use page::{HostedHit, SearchHit, SearchPage, SearchQuery};

/// The settings of searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSettings {
    /// Whether to query upstreams too, for texts that cannot name a private package. Default true.
    pub upstream: bool,
    /// How old the index may get before a search starts a comparison with the packages in the background. That finds
    /// changes that a crashed process did not enter, and packages added by other means. Default one day.
    pub rebuild_after: Duration,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { upstream: true, rebuild_after: Duration::from_hours(24) }
    }
}

/// Answers searches, and keeps their index up to date. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Search {
    parts: Arc<SearchParts>,
    authorization: Authorization,
}

/// What [`Search`] works with.
pub(crate) struct SearchParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) upstream: Arc<UpstreamParts>,
    pub(crate) search: SearchState,
    pub(crate) catalog: Arc<CatalogParts>,
}

impl SearchParts {
    pub(crate) fn new(
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        upstream: Arc<UpstreamParts>,
        settings: SearchSettings,
        catalog: &Arc<CatalogParts>,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            upstream,
            search: SearchState::new(settings),
            catalog: Arc::clone(catalog),
        }
    }
}

impl Search {
    pub(crate) fn new(parts: &Arc<SearchParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }
}
