use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::PackageName;

/// Caches names that were recently found not to be hosted, so that reading an upstream's package needs no store access.
/// A publish by this process is visible at once, one by another process within the configured seconds.
#[derive(Debug)]
pub(crate) struct HostedCheck {
    /// The absent names, each with the value of `changes` at that time.
    absent: Option<Cache<PackageName, u64>>,
    /// How many packages this process began. A lookup that one of them overtook proves no absence.
    begun: AtomicU64,
    /// How often the store turned out to be another one. Earlier lookups prove no absence.
    changes: AtomicU64,
}

/// The counters from before a lookup of a hosted package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupStamp {
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

    pub(crate) fn look(&self) -> LookupStamp {
        LookupStamp { begun: self.begun.load(Ordering::SeqCst), changes: self.changes.load(Ordering::SeqCst) }
    }

    /// Caches an absence that a lookup found and that was proven afterward.
    pub(crate) fn set_absent(&self, name: &PackageName, look: LookupStamp) {
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

    /// Evicts every absence, including those of running lookups: the store is not the one that was opened.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}
