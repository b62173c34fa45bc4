use std::array;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use crate::Error;
use crate::concurrency::SingleFlight;
use crate::search::Search;

use super::SearchSettings;
use super::index_writer::IndexWriter;
use super::reindex::Reindex;
use super::shard::{Indexed, SHARDS, Shard};

/// The in-memory state for searches.
#[derive(Debug)]
pub(crate) struct SearchState {
    pub(super) settings: SearchSettings,
    index_writers: [IndexWriter; SHARDS as usize],
    /// A search that arrives during a lookup shares the next one, which sees every write from before the search.
    lookups: SingleFlight<(), View>,
    pub(super) reindex: Reindex,
}

/// The whole index at one moment.
#[derive(Debug)]
pub(super) struct View(Vec<Arc<Shard>>);

impl SearchState {
    pub(crate) fn new(settings: SearchSettings) -> Self {
        let index_writers = array::from_fn(|_| IndexWriter::default());
        Self { settings, index_writers, lookups: SingleFlight::default(), reindex: Reindex::default() }
    }
}

impl View {
    pub(super) fn packages(&self) -> impl Iterator<Item = &Arc<Indexed>> {
        self.0.iter().flat_map(|shard| shard.contents.packages.values())
    }

    /// Returns when the oldest shard was compared with the packages; `None` if a shard never was, so that packages may
    /// be missing.
    pub(super) fn rebuilt(&self) -> Option<DateTime<Utc>> {
        let times = self.0.iter().map(|shard| shard.contents.rebuilt);
        times.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

impl Search {
    pub(super) fn index_writer(&self, shard: u8) -> &IndexWriter {
        &self.parts.search.index_writers[usize::from(shard % SHARDS)]
    }

    /// Returns the index as stored now.
    pub(super) async fn look_at_index(&self) -> Result<Arc<View>, Error> {
        let lookup = async {
            let shards = try_join_all((0..SHARDS).map(|shard| self.read_shard(shard))).await?;
            Ok::<_, Error>(Some(Arc::new(View(shards))))
        };
        let view = Box::pin(self.parts.search.lookups.run(&(), lookup)).await?;
        view.ok_or_else(|| Error::Internal("a lookup of the search index found nothing".into()))
    }

    /// Retries updates of the index that earlier writes could not store.
    pub(super) fn enter_left_over(&self) {
        for shard in (0..SHARDS).filter(|shard| self.index_writer(*shard).has_left_over()) {
            self.begin_flight(shard);
        }
    }
}
