use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::PackageName;

/// Names that were found not to be hosted a moment ago, so that a read of an upstream's package costs the store
/// nothing. A publish of this process is seen at once, one of another within the configured seconds.
#[derive(Debug)]
pub(crate) struct HostedCheck {
    absent: Option<Cache<PackageName, ()>>,
    /// How many packages were begun by this process. A look into the store that one of them overtook proves nothing.
    begun: AtomicU64,
}

/// A look into the store for a hosted package, from before it began.
#[derive(Debug, Clone, Copy)]
pub(in crate::ops) struct Look(u64);

impl HostedCheck {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More names than one application installs.
        const ENTRIES: u64 = 50_000;
        let cache = || Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build();
        Self { absent: (!time_to_live.is_zero()).then(cache), begun: AtomicU64::new(0) }
    }

    pub(in crate::ops) fn is_known_absent(&self, name: &PackageName) -> bool {
        self.absent.as_ref().is_some_and(|cache| cache.contains_key(name))
    }

    pub(in crate::ops) fn look(&self) -> Look {
        Look(self.begun.load(Ordering::SeqCst))
    }

    pub(in crate::ops) fn set_absent(&self, name: &PackageName, look: Look) {
        if let Some(cache) = &self.absent {
            cache.insert(name.clone(), ());
            if self.begun.load(Ordering::SeqCst) != look.0 {
                cache.invalidate(name);
            }
        }
    }

    pub(in crate::ops) fn set_hosted(&self, name: &PackageName) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(cache) = &self.absent {
            cache.invalidate(name);
        }
    }
}
