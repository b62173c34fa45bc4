//! How much is kept of other registries, and what of it is deleted when that is too much.
//!
//! Any number of processes keep and delete in one store, without a lock: see
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
pub(super) use uses::UseMark;
use uses::Uses;

/// What this process knows of how much is kept, and of what was used.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The most bytes to keep; `None` is no limit.
    limit: Option<u64>,
    uses: Uses,
    unreported: Mutex<Unreported>,
    /// Whether this process is at the ledger or at a sweep.
    is_reporting: AtomicBool,
    is_writing_uses: AtomicBool,
}

/// What this process has put in since the ledger was last told.
#[derive(Debug, Default)]
struct Unreported {
    bytes: u64,
    told: Option<DateTime<Utc>>,
}

impl Kept {
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

/// How fine time is told here.
fn minute(moment: DateTime<Utc>) -> u32 {
    u32::try_from(moment.timestamp().max(0) / 60).unwrap_or(u32::MAX)
}

impl Proxy {
    /// Remembers that something kept was asked for. Costs next to nothing, and the store nothing.
    pub(super) fn note_use(&self, mark: &UseMark) {
        let kept = &self.parts.upstream.kept;
        if kept.limit.is_none() {
            return;
        }
        let now = minute(self.parts.clock.now());
        if mark.is_due(now) && kept.uses.add(mark.id(), now) {
            self.write_uses_behind();
        }
    }

    /// Remembers that so many bytes were put in at `path`, and looks behind the caller whether that was too much.
    pub(super) fn note_fill(&self, path: &BlobPath, bytes: u64) {
        let kept = &self.parts.upstream.kept;
        if kept.limit.is_none() {
            return;
        }
        let now = self.parts.clock.now();
        if kept.uses.add_always(UseMark::of(path).id(), minute(now)) {
            self.write_uses_behind();
        }
        kept.unreported().bytes += bytes;
        self.report_behind();
    }
}
