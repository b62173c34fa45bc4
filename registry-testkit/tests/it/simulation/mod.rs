//! Many replicas on one store: no promise is broken, a seed replays exactly, and stores that are broken on purpose are
//! found out.

mod flawed;
mod mutants;
mod replay;

use registry_testkit::amount;
use registry_testkit::simulation::Simulation;

/// Replicas that crash in the middle of changes, and others that take over their events at once.
#[test]
fn the_feed_is_complete_whatever_crashes() {
    let (mut crashes, mut changes) = (0, 0);
    for seed in 0..amount("SEEDS", 150) {
        let simulation = Simulation::of_seed(seed).feeding();
        // Where a replica crashes at one step in twenty, few changes come to an end: every other run has fewer crashes.
        let run = if seed % 2 == 0 { simulation.crashing() } else { simulation }.run();
        assert!(run.violations.is_empty(), "{run}");
        crashes += run.crashes;
        changes += run.changes;
    }
    assert!(crashes > 500 && changes > 200, "{crashes} crashes and {changes} changes prove little");
}

/// Further seeds: `cargo run --release -p registry-testkit --example simulate -- --seeds 1000000`.
#[test]
fn three_hundred_seeds_break_no_promise() {
    let (mut operations, mut acknowledged) = (0, 0);
    for seed in 0..amount("SEEDS", 300) {
        let run = Simulation::of_seed(seed).run();
        assert!(run.violations.is_empty(), "{run}");
        operations += run.operations;
        acknowledged += run.acknowledged;
    }
    // Where most is refused or lost, little is proven.
    assert!(acknowledged * 2 > operations, "only {acknowledged} of {operations} came to an end");
}
