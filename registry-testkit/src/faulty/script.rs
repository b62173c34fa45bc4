use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::yield_now;

use super::gate::Gate;
use super::plan::{Dice, FaultPlan};

/// What can be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the method of `BlobStore` of that name")]
pub enum Operation {
    Get,
    GetIfChanged,
    Open,
    Put,
    PutStream,
    Delete,
    List,
    ListFolders,
    SignedUrl,
}

/// What goes wrong with an operation.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It has no effect and answers `Unavailable`.
    BeforeEffect,
    /// It has its effect and answers `Unavailable`.
    AfterEffect,
    /// It has no effect and answers `Refused`.
    Refused,
    /// It waits at the gate before it has its effect, and then does as it should.
    Hold(Gate),
}

type At = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What was scripted and what was called.
pub(super) struct Script {
    plan: FaultPlan,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    scripted: Vec<(Operation, At, Fault)>,
    calls: Vec<(Operation, String)>,
}

/// What is to become of one operation.
pub(super) struct Fate {
    pub(super) fault: Option<Fault>,
    yields: u64,
}

impl Fate {
    pub(super) async fn wait(&self) {
        for _ in 0..self.yields {
            yield_now().await;
        }
    }
}

impl Script {
    pub(super) fn new(plan: FaultPlan) -> Self {
        let state = State { dice: Dice::new(plan.seed), scripted: Vec::new(), calls: Vec::new() };
        Self { plan, state: Mutex::new(state) }
    }

    pub(super) fn add(&self, operation: Operation, at: At, fault: Fault) {
        self.state().scripted.push((operation, at, fault));
    }

    pub(super) fn to_come(&self) -> usize {
        self.state().scripted.len()
    }

    pub(super) fn calls(&self) -> Vec<(Operation, String)> {
        self.state().calls.clone()
    }

    pub(super) fn take_calls(&self) -> Vec<(Operation, String)> {
        std::mem::take(&mut self.state().calls)
    }

    pub(super) fn decide(&self, operation: Operation, path: &str) -> Fate {
        let mut state = self.state();
        state.calls.push((operation, path.to_owned()));
        // Drawn for each operation, so that a script does not shift the faults of the plan.
        let (fault, delayed, yields) = (state.dice.fraction(), state.dice.fraction(), state.dice.next());
        let yields = if delayed < self.plan.delayed { 1 + yields % 8 } else { 0 };
        let scripted = state.scripted.iter().position(|(on, at, _)| *on == operation && at(path));
        let fault = match scripted {
            Some(scripted) => Some(state.scripted.remove(scripted).2),
            None if fault < self.plan.before_effect => Some(Fault::BeforeEffect),
            None if fault < self.plan.before_effect + self.plan.after_effect => Some(Fault::AfterEffect),
            None => None,
        };
        Fate { fault, yields }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Script").field("plan", &self.plan).finish_non_exhaustive()
    }
}
