use std::collections::HashSet;

use registry_testkit::simulation::Simulation;

#[test]
fn a_seed_replays_exactly() {
    let mut fingerprints = HashSet::new();
    for seed in 0..100 {
        let (one, other) =
            (Simulation::of_seed(seed).traced().run(), Simulation::of_seed(seed).traced().run());
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(
            one.fingerprint,
            Simulation::of_seed(seed).run().fingerprint,
            "seed {seed}, without a trace"
        );
        fingerprints.insert(one.fingerprint);
    }
    assert_eq!(fingerprints.len(), 100, "two seeds tell the same story");
}

/// What never happens in a simulation is not tested by it.
#[test]
fn everything_happens_that_can_go_wrong() {
    const HAPPENS: [&str; 24] = [
        " crashes",
        " starts",
        "goes away",
        "never sent: Put",
        "still on its way: Put",
        "broken off in the middle: Put",
        "no answer, and still on its way: Put",
        "BeforeEffect",
        "AfterEffect",
        "answer: Put",
        "GetIfChanged",
        "Delete",
        "publishes pear@1.0.0 (content 1) as next",
        "previously published",
        "you do not have permission",
        "must keep at least one owner",
        "is not an owner of",
        "the dist-tag next does not exist",
        "the dist-tag latest cannot be removed",
        "version not found",
        "deprecated \"too old\"",
        "saw bytes sha512-",
        "saw nothing",
        "unknown: the registry's storage did not answer",
    ];
    let mut missing: HashSet<_> = HAPPENS.into_iter().collect();
    for seed in 0..500 {
        for line in Simulation::of_seed(seed).traced().run().trace {
            missing.retain(|happens| !line.contains(happens));
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("this never happens: {missing:?}");
}
