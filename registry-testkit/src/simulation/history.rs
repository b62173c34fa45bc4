use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use registry_core::events::Event;

use super::operation::Operation;
use super::outcome::Outcome;
use super::world::{Life, Told};

/// An operation, and what came of it.
#[derive(Debug)]
pub(super) struct Happening {
    pub(super) operation: Operation,
    pub(super) life: Life,
    pub(super) started: u64,
    /// When its outcome was known; the end of all time for one that never was.
    pub(super) ended: u64,
    pub(super) outcome: Outcome,
    /// Whether it began after the faults had ended.
    pub(super) is_audit: bool,
}

impl Happening {
    /// Until when it may have its effect.
    pub(super) fn effective_until(&self) -> u64 {
        if matches!(self.outcome, Outcome::Unknown(_)) { u64::MAX } else { self.ended }
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        matches!(self.outcome, Outcome::Changed(_) | Outcome::Saw(_))
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, life, started, ended, outcome, .. } = self;
        write!(formatter, "[{started}..{ended}] {life}: {operation} → {outcome}")
    }
}

/// The change feed in the end, and what is in the store.
#[derive(Debug)]
pub(super) struct Feed {
    /// Each change and its number.
    pub(super) changes: Vec<(u64, Event)>,
    /// The versions of each package.
    pub(super) versions: BTreeMap<&'static str, BTreeSet<String>>,
}

/// All that clients and sinks know of one simulation.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) happenings: Vec<Happening>,
    pub(super) told: Vec<Told>,
    /// The lives that ended with a crash.
    pub(super) crashed: Vec<Life>,
    /// The change feed in the end; `None` if there was none.
    pub(super) feed: Option<Feed>,
    /// Whether the store always answered, and in time.
    pub(super) is_store_reliable: bool,
    /// What was still not over when everything was let through for long.
    pub(super) unended: Vec<String>,
}
