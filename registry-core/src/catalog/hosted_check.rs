use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::PackageName;

/// Names that were found not to be hosted a moment ago, so that a read of an upstream's package costs the store
/// nothing. A publish of this process is seen at once, one of another within the configured seconds.
#[derive(Debug)]
pub(crate) struct HostedCheck {
    /// The names, and how often the store had changed by then.
    absent: Option<Cache<PackageName, u64>>,
    /// How many packages were begun by this process. A look into the store that one of them overtook proves nothing.
    begun: AtomicU64,
    /// How often the store turned out to be another one. What was looked for before that proves nothing.
    changes: AtomicU64,
}

/// A look into the store for a hosted package, from before it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    begun: u64,
    changes: u64,
}

impl HostedCheck {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More names than one application installs.
        const ENTRIES: u64 = 50_000;
        let cache = || Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build();
        let absent = (!time_to_live.is_zero()).then(cache);
        Self { absent, begun: AtomicU64::new(0), changes: AtomicU64::new(0) }
    }

    pub(crate) fn is_known_absent(&self, name: &PackageName) -> bool {
        let changes = self.changes.load(Ordering::SeqCst);
        self.absent.as_ref().is_some_and(|cache| cache.get(name) == Some(changes))
    }

    pub(crate) fn look(&self) -> Look {
        Look { begun: self.begun.load(Ordering::SeqCst), changes: self.changes.load(Ordering::SeqCst) }
    }

    /// Remembers an absence that was found by a look, and proven after it.
    pub(crate) fn set_absent(&self, name: &PackageName, look: Look) {
        if let Some(cache) = &self.absent {
            cache.insert(name.clone(), look.changes);
            if self.begun.load(Ordering::SeqCst) != look.begun {
                cache.invalidate(name);
            }
        }
    }

    pub(crate) fn set_hosted(&self, name: &PackageName) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(cache) = &self.absent {
            cache.invalidate(name);
        }
    }

    /// Forgets every absence, also those that are being looked for: the store is not the one that was opened.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}
