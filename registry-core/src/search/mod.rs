//! Searching: an index in the store that every write keeps up to date, and what upstreams add to it.

mod complete;
mod healing;
mod index;
mod lane;
mod owned;
mod page;
mod private_names;
mod shard;
mod upstream;

use std::time::Duration;

pub(crate) use index::SearchParts;
pub(crate) use lane::IndexUpdate;
pub use page::{HostedHit, SearchHit, SearchPage, SearchQuery};

/// How searches are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSettings {
    /// Whether upstreams are asked too, for texts that cannot name a private package. Default true.
    pub upstream: bool,
    /// How old the index may get before a search has it compared with the packages in the background. That finds
    /// what a process did not live to enter, and what was put into the store by other means. Default a day.
    pub rebuild_after: Duration,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { upstream: true, rebuild_after: Duration::from_hours(24) }
    }
}
