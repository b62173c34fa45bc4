//! Many replicas on one store, with everything that can go wrong, from one seed: which operation, on which replica, each
//! fault, each crash and what comes first. What clients and event sinks saw is then compared with what the registry
//! promises. The same seed gives the same run, call by call.
//!
//! ```
//! use registry_testkit::simulation::Simulation;
//! let run = Simulation::of_seed(7).run();
//! assert!(run.violations.is_empty(), "{run}");
//! assert_eq!(run.fingerprint, Simulation::of_seed(7).run().fingerprint);
//! ```
//!
//! It runs on one thread and in virtual time. Each call of the store waits until the director, who holds the seed, lets it
//! have its effect, and again until its answer is let through; nothing else moves meanwhile.

mod check;
mod client;
mod director;
mod history;
mod operation;
mod outcome;
mod replica;
mod store;
mod trace;
mod weather;
mod world;

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use registry_core::events::EventSink;
use registry_core::storage::{BlobPath, BlobStore, ObjectStoreBlobs, When};
use tokio::runtime::{Builder, Runtime};

use crate::TestRegistry;
pub use check::{Promise, Violation};
use director::Director;
use operation::PEOPLE;
use replica::Listener;
use trace::Trace;
use world::World;

/// One simulation, of one seed.
#[derive(Debug, Clone, Copy)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    seed: u64,
    traced: bool,
    crashing: bool,
    feeding: bool,
}

/// What the store of a simulation can be made of.
#[derive(Debug, Clone)]
pub struct Stage {
    /// A store that keeps its contract, with the accounts of everybody in it.
    pub memory: ObjectStoreBlobs,
    /// Takes events as if a replica had told of them.
    pub events: Arc<dyn EventSink>,
}

/// What came of a simulation.
#[derive(Debug)]
pub struct Run {
    /// Of which seed.
    pub seed: u64,
    /// Of every step. The same seed gives the same fingerprint, as long as the code is the same.
    pub fingerprint: u64,
    /// How many operations there were, reads included.
    pub operations: usize,
    /// How many of them came to a definite end: a change that is acknowledged, something that was read.
    pub acknowledged: usize,
    /// How many replicas crashed.
    pub crashes: usize,
    /// How many changes the change feed has.
    pub changes: usize,
    /// Which promises were broken, and how.
    pub violations: Vec<Violation>,
    /// Every step, where [`Simulation::traced`] asked for it.
    pub trace: Vec<String>,
}

impl Simulation {
    /// The simulation of this seed.
    pub fn of_seed(seed: u64) -> Self {
        Self { seed, traced: false, crashing: false, feeding: false }
    }

    /// The same, and every step is written down in [`Run::trace`].
    pub fn traced(self) -> Self {
        Self { traced: true, ..self }
    }

    /// The same with a crash of a replica at one step in twenty: for what only a crash in the middle of a write brings out.
    pub fn crashing(self) -> Self {
        Self { crashing: true, ..self }
    }

    /// The same with a change feed, which all replicas write and each takes over from the others at once.
    pub fn feeding(self) -> Self {
        Self { feeding: true, ..self }
    }

    /// Runs it on a store in memory.
    ///
    /// # Panics
    ///
    /// Within a tokio runtime: it makes its own.
    pub fn run(self) -> Run {
        self.run_on(|stage| stage.memory)
    }

    /// Runs it on a store that is made of what is on the stage: to see that one which breaks its contract is found out.
    ///
    /// # Panics
    ///
    /// Within a tokio runtime: it makes its own.
    pub fn run_on<Store: BlobStore>(self, make: impl FnOnce(Stage) -> Store) -> Run {
        let accounts = accounts();
        let runtime = runtime();
        let (history, trace) = runtime.block_on(async {
            let memory = ObjectStoreBlobs::in_memory();
            for (path, bytes) in accounts {
                let put = memory.put(path, bytes.clone(), When::Absent).await;
                let _ = put.unwrap_or_else(|error| panic!("cannot write to memory: {error}"));
            }
            let world = Arc::new(World::default());
            let stage = Stage { memory, events: Arc::new(Listener::of_the_store(Arc::clone(&world))) };
            let director = Director::new(self.seed, make(stage), world, Trace::new(self.traced), self);
            director.run().await
        });
        // Tasks of replicas that crashed end here.
        drop(runtime);
        let (fingerprint, trace) = trace.end();
        let acknowledged = history.happenings.iter().filter(|happening| happening.is_acknowledged()).count();
        let violations = check::check(&history);
        Run {
            seed: self.seed,
            fingerprint,
            operations: history.happenings.len(),
            acknowledged,
            crashes: history.crashed.len(),
            changes: history.feed.as_ref().map_or(0, |feed| feed.changes.len()),
            violations,
            trace,
        }
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap_or_else(|error| panic!("no runtime: {error}"))
}

/// What the accounts of everybody look like in a store. Hashing passwords takes long, so they are made once.
fn accounts() -> &'static [(BlobPath, Bytes)] {
    static ACCOUNTS: OnceLock<Vec<(BlobPath, Bytes)>> = OnceLock::new();
    ACCOUNTS.get_or_init(|| {
        runtime().block_on(async {
            let registry = TestRegistry::new().await;
            for person in PEOPLE {
                registry.user(person).await;
            }
            let stored = registry.stored().await.into_iter();
            let accounts = stored.filter(|(key, _)| key.starts_with("_accounts/"));
            accounts.filter_map(|(key, bytes)| Some((BlobPath::parse(&key).ok()?, bytes))).collect()
        })
    })
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(formatter, "  {line}")?;
        }
        for violation in &self.violations {
            writeln!(formatter, "{violation}\n")?;
        }
        let Self { seed, operations, acknowledged, violations, fingerprint, .. } = self;
        write!(
            formatter,
            "seed {seed}: {operations} operations, {acknowledged} with a definite end, {} promises broken, \
             fingerprint {fingerprint:016x}\nto see it step by step: \
             cargo run --release -p registry-testkit --example simulate -- --seed {seed}",
            violations.len()
        )
    }
}
