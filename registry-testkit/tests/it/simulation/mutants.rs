//! What the simulation must find out. Each mutant runs until it is caught, and the seed that caught it must pass without
//! the mutant: it is the mutant that broke the promise.

use registry_testkit::simulation::{Promise, Simulation};

use super::flawed::{Flaw, Flawed};

/// Runs a mutant on one seed after the other until the promise is broken.
#[track_caller]
fn assert_caught(flaw: Flaw, promise: Promise, within: u64) {
    assert_caught_by(flaw, promise, "", within);
}

/// The same, and the evidence has this text.
#[track_caller]
fn assert_caught_by(flaw: Flaw, promise: Promise, evidence: &str, within: u64) {
    assert_caught_in(Simulation::of_seed, flaw, promise, evidence, within);
}

/// The same, in simulations of another kind.
#[track_caller]
fn assert_caught_in(
    simulation: impl Fn(u64) -> Simulation,
    flaw: Flaw,
    promise: Promise,
    evidence: &str,
    within: u64,
) {
    let caught = (0..within).find_map(|seed| {
        let run = simulation(seed).run_on(|stage| Flawed::new(stage, flaw));
        let mut broken = run.violations.iter().filter(|violation| violation.promise == promise);
        broken.any(|violation| violation.evidence.contains(evidence)).then_some(run)
    });
    let run = caught.unwrap_or_else(|| panic!("{flaw:?} breaks {promise:?} in none of {within} seeds"));
    let text = run.to_string();
    assert!(text.contains(&promise.to_string()) && text.contains(&format!("--seed {}", run.seed)), "{text}");
    let without = simulation(run.seed).run();
    assert!(without.violations.is_empty(), "{without}");
}

#[test]
fn commit_without_condition_loses_what_was_acknowledged() {
    assert_caught(Flaw::CommitsWithoutCondition, Promise::AcknowledgedIsVisible, 100);
    assert_caught(Flaw::CommitsWithoutCondition, Promise::RevisionsGrow, 100);
}

#[test]
fn conditions_on_creation_alone_are_not_enough() {
    assert_caught(Flaw::IgnoresMatches, Promise::AcknowledgedIsVisible, 100);
    assert_caught(Flaw::IgnoresMatches, Promise::UnpublishedStaysAway, 1_000);
}

#[test]
fn an_event_before_its_commit_tells_what_never_was() {
    let told = |evidence| assert_caught_by(Flaw::TellsBeforeCommit, Promise::EventsAreTrue, evidence, 500);
    told("later it was not there");
    told("or its publish was rejected");
}

#[test]
fn a_lock_that_is_dropped_on_cancel_lets_an_old_write_through() {
    let crashing = |seed| Simulation::of_seed(seed).crashing();
    assert_caught_in(crashing, Flaw::DropsLockOnCancel, Promise::AcknowledgedIsVisible, "", 4_000);
}

#[test]
fn a_store_that_loses_what_it_acknowledged_is_found_out() {
    assert_caught(Flaw::LosesWrites, Promise::AcknowledgedIsVisible, 100);
    assert_caught(Flaw::LosesTarballs, Promise::NothingIsDamaged, 100);
}

#[test]
fn a_store_that_shows_old_states_is_found_out() {
    assert_caught(Flaw::ReadsStale, Promise::ReadsAreMonotone, 100);
    assert_caught(Flaw::ReadsStale, Promise::AcknowledgedIsVisible, 100);
}

#[test]
fn etags_that_repeat_show_old_states() {
    assert_caught(Flaw::RepeatsETags, Promise::AcknowledgedIsVisible, 500);
}

#[test]
fn without_its_marker_an_event_is_lost_in_a_crash() {
    let feeding = |seed| Simulation::of_seed(seed).crashing().feeding();
    assert_caught_in(feeding, Flaw::LosesMarkers, Promise::FeedIsComplete, "", 500);
}

#[test]
fn a_feed_before_the_commit_tells_what_never_was() {
    let feeding = |seed| Simulation::of_seed(seed).feeding();
    assert_caught_in(feeding, Flaw::FeedsBeforeCommit, Promise::FeedIsComplete, "", 500);
}

/// No promise is broken: an operation recognizes its own write. This is what that costs if it did not.
#[test]
fn a_write_that_is_called_a_conflict_is_recognized() {
    for seed in 0..100 {
        let run =
            Simulation::of_seed(seed).run_on(|stage| Flawed::new(stage, Flaw::CallsItsOwnWriteConflict));
        assert!(run.violations.is_empty(), "{run}");
    }
}
