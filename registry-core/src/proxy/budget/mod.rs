//! The size of the upstream cache, and which blobs are deleted when it exceeds its limit.
//!
//! Any number of processes write to and delete from one store without a lock: see
//! `docs/decisions/0006-upstream-cache-without-locks.md`.

mod ledger;
mod report;
mod sweep;
mod uses;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::proxy::Proxy;
use crate::storage::BlobPath;

pub use sweep::TrimmedUpstreamCache;
pub(super) use uses::LastUsed;
use uses::Uses;

/// This process's view of the cache size and of recent uses.
#[derive(Debug)]
pub(crate) struct CacheBudget {
    /// The limit in bytes; `None` for no limit.
    limit: Option<u64>,
    uses: Uses,
    unreported: Mutex<Unreported>,
    /// Whether this process is updating the ledger or sweeping.
    is_reporting: AtomicBool,
    is_writing_uses: AtomicBool,
}

/// The bytes that this process cached since it last updated the ledger.
#[derive(Debug, Default)]
struct Unreported {
    bytes: u64,
    told: Option<DateTime<Utc>>,
}

impl CacheBudget {
    pub(crate) fn new(limit: Option<u64>, now: DateTime<Utc>) -> Self {
        Self {
            limit,
            uses: Uses::new(minute(now)),
            unreported: Mutex::default(),
            is_reporting: AtomicBool::new(false),
            is_writing_uses: AtomicBool::new(false),
        }
    }

    fn unreported(&self) -> std::sync::MutexGuard<'_, Unreported> {
        self.unreported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resolution of times in this module.
fn minute(moment: DateTime<Utc>) -> u32 {
    u32::try_from(moment.timestamp().max(0) / 60).unwrap_or(u32::MAX)
}

impl Proxy {
    /// Records a use of a cached blob, in memory.
    pub(super) fn note_use(&self, mark: &LastUsed) {
        let kept = &self.parts.upstream.kept;
        if kept.limit.is_none() {
            return;
        }
        let now = minute(self.parts.clock.now());
        if mark.is_due(now) && kept.uses.add(mark.id(), now) {
            self.write_uses_behind();
        }
    }

    /// Records that this many bytes were cached at `path`, and checks the limit in the background.
    pub(super) fn note_fill(&self, path: &BlobPath, bytes: u64) {
        let kept = &self.parts.upstream.kept;
        if kept.limit.is_none() {
            return;
        }
        let now = self.parts.clock.now();
        if kept.uses.add_always(LastUsed::of(path).id(), minute(now)) {
            self.write_uses_behind();
        }
        kept.unreported().bytes += bytes;
        self.report_behind();
    }
}
