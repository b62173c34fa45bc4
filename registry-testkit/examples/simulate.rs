//! Runs simulations of many replicas on one store, as many as there is time for, or one step by step.
//!
//! ```sh
//! cargo run --release -p registry-testkit --example simulate -- --seeds 1000000
//! cargo run --release -p registry-testkit --example simulate -- --seed 4711
//! cargo run --release -p registry-testkit --example simulate -- --feeding --crashing
//! ```

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use registry_testkit::simulation::{Run, Simulation};

/// Many replicas on one store, with everything that can go wrong. Ends with 1 if a promise was broken.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100_000, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    first_seed: u64,
    /// Run this one alone, and show each step.
    #[arg(long)]
    seed: Option<u64>,
    /// How many run at the same time. As many as the machine has cores, unless it is set.
    #[arg(long)]
    threads: Option<usize>,
    /// With a change feed.
    #[arg(long)]
    feeding: bool,
    /// With more crashes.
    #[arg(long)]
    crashing: bool,
}

impl Arguments {
    fn simulation(&self, seed: u64) -> Simulation {
        let simulation = Simulation::of_seed(seed);
        let simulation = if self.feeding { simulation.feeding() } else { simulation };
        if self.crashing { simulation.crashing() } else { simulation }
    }
}

/// More than this many seeds that fail tell nothing new.
const MOST_FAILURES: usize = 5;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        let run = arguments.simulation(seed).traced().run();
        println!("{run}");
        return status(run.violations.is_empty());
    }
    let begun = Instant::now();
    let (next, done, operations) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Vec<Run>> = Mutex::default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.seeds {
                        return;
                    }
                    let run = arguments.simulation(arguments.first_seed.wrapping_add(number)).run();
                    operations.fetch_add(run.operations as u64, Ordering::Relaxed);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(10_000) {
                        println!("{done} seeds after {:?}", begun.elapsed());
                    }
                    if !run.violations.is_empty() {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        println!("{run}\n");
                        failed.push(run);
                        if failed.len() >= MOST_FAILURES {
                            next.store(arguments.seeds, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner).len();
    let (done, operations) = (done.into_inner(), operations.into_inner());
    println!("{done} seeds, {operations} operations, {failed} seeds failed, {:?}", begun.elapsed());
    status(failed == 0)
}

fn status(kept: bool) -> ExitCode {
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
