use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use crate::{Error, Registry};

use super::SearchSettings;
use super::healing::Healing;
use super::lane::Lane;
use super::shard::{Indexed, SHARDS, Shard};

/// What a registry keeps in memory for searches.
#[derive(Debug)]
pub(crate) struct SearchParts {
    pub(super) settings: SearchSettings,
    lanes: [Lane; SHARDS as usize],
    looks: Looks,
    pub(super) healing: Healing,
}

/// Looks at the whole index, one at a time. Whoever comes while one is under way shares the one after it: it
/// begins later than they came, so it shows whatever was written before they asked.
#[derive(Debug, Default)]
struct Looks {
    begun: AtomicU64,
    last: tokio::sync::Mutex<Option<(u64, Arc<View>)>>,
}

/// The whole index at one moment.
#[derive(Debug)]
pub(super) struct View(Vec<Arc<Shard>>);

impl SearchParts {
    pub(crate) fn new(settings: SearchSettings) -> Self {
        let lanes = array::from_fn(|_| Lane::default());
        Self { settings, lanes, looks: Looks::default(), healing: Healing::default() }
    }
}

impl View {
    pub(super) fn packages(&self) -> impl Iterator<Item = &Arc<Indexed>> {
        self.0.iter().flat_map(|shard| shard.contents.packages.values())
    }

    /// Since when no part of it was compared with the packages; `None` if some part never was, so that packages
    /// may be missing.
    pub(super) fn rebuilt(&self) -> Option<DateTime<Utc>> {
        let times = self.0.iter().map(|shard| shard.contents.rebuilt);
        times.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

impl Registry {
    pub(super) fn lane(&self, shard: u8) -> &Lane {
        &self.parts.search.lanes[usize::from(shard % SHARDS)]
    }

    /// The index as it is now.
    pub(super) async fn look_at_index(&self) -> Result<Arc<View>, Error> {
        let looks = &self.parts.search.looks;
        let begun_before = looks.begun.load(Ordering::SeqCst);
        let mut last = looks.last.lock().await;
        if let Some((number, view)) = last.as_ref()
            && *number > begun_before
        {
            return Ok(Arc::clone(view));
        }
        let number = looks.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let shards = try_join_all((0..SHARDS).map(|shard| self.read_shard(shard))).await?;
        let view = Arc::new(View(shards));
        *last = Some((number, Arc::clone(&view)));
        Ok(view)
    }

    /// Tries again to enter what earlier writes could not.
    pub(super) fn enter_left_over(&self) {
        for shard in (0..SHARDS).filter(|shard| self.lane(*shard).has_left_over()) {
            self.begin_flight(shard);
        }
    }
}
