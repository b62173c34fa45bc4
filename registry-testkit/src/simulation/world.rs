use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use registry_core::events::Event;

use super::outcome::Outcome;
use crate::faulty::Operation;

/// Gives a caller its answer.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

/// One life of a replica: it ends with a crash, and the next one remembers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) replica: usize,
    pub(super) number: usize,
}

impl Life {
    /// What no replica does.
    pub(super) const NONE: Self = Self { replica: usize::MAX, number: usize::MAX };
}

impl fmt::Display for Life {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return formatter.write_str("the store");
        }
        write!(formatter, "replica {}.{}", self.replica, self.number)
    }
}

/// A call of the store that is on its way. Nothing happens to it until the director says so.
pub(super) struct Call {
    pub(super) life: Life,
    pub(super) operation: Operation,
    pub(super) path: String,
    /// What it does to the store, which then has an answer for the caller.
    pub(super) effect: BoxFuture<'static, Reply>,
    /// Tells the caller that the store did not answer.
    pub(super) fail: Reply,
    /// No client waits for it any more, and it may still have its effect.
    pub(super) is_orphan: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {} of {}", self.operation, self.path, self.life)
    }
}

/// Something that a sink was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) at: u64,
    pub(super) life: Life,
    pub(super) event: Event,
}

/// What all replicas and the director share: the time, and what is on its way.
#[derive(Default)]
pub(super) struct World(Mutex<State>);

#[derive(Default)]
struct State {
    now: u64,
    calls: Vec<Call>,
    ended: Vec<(usize, u64, Outcome)>,
    told: Vec<Told>,
}

impl World {
    /// A moment that is later than all before it.
    pub(super) fn tick(&self) -> u64 {
        self.state().tick()
    }

    pub(super) fn arrive(&self, call: Call) {
        self.state().calls.push(call);
    }

    pub(super) fn with_calls<T>(&self, look: impl FnOnce(&mut Vec<Call>) -> T) -> T {
        look(&mut self.state().calls)
    }

    /// An operation came to its end.
    pub(super) fn end(&self, operation: usize, outcome: Outcome) {
        let mut state = self.state();
        let now = state.tick();
        state.ended.push((operation, now, outcome));
    }

    pub(super) fn take_ended(&self) -> Vec<(usize, u64, Outcome)> {
        std::mem::take(&mut self.state().ended)
    }

    pub(super) fn tell(&self, life: Life, events: &[Event]) {
        let mut state = self.state();
        for event in events {
            let at = state.tick();
            state.told.push(Told { at, life, event: event.clone() });
        }
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.state().told.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let (now, calls) = (state.now, state.calls.len());
        formatter.debug_struct("World").field("now", &now).field("calls", &calls).finish_non_exhaustive()
    }
}
