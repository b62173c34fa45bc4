use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How many ids are remembered.
const REMEMBERED: usize = 1 << 16;

/// The ids of recent events. The oldest are forgotten.
#[derive(Debug, Default)]
pub(crate) struct RecentIds(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<Arc<str>>,
    /// Oldest first.
    order: VecDeque<Arc<str>>,
}

impl RecentIds {
    /// Whether the id is remembered.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.contains(id)
    }

    /// Remembers an id. Returns whether it is new.
    pub(crate) fn insert(&self, id: &str) -> bool {
        let is_new = !self.contains(id);
        self.extend([id]);
        is_new
    }

    /// Remembers ids.
    pub(crate) fn extend<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            let id: Arc<str> = id.into();
            if !remembered.known.insert(Arc::clone(&id)) {
                continue;
            }
            remembered.order.push_back(id);
            if remembered.order.len() > REMEMBERED
                && let Some(oldest) = remembered.order.pop_front()
            {
                remembered.known.remove(&oldest);
            }
        }
    }
}
