//! Whatever happens upstream and to the cache, and whenever clients come and go: no client gets a whole tarball that
//! is not the one that its packument names.

mod action;
mod watched;
mod world;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use registry_testkit::amount;

use action::action;
use world::World;

/// How many stories are told unless `PROPTEST_CASES` says otherwise. The same number tells the same stories.
const CASES: u32 = 150;

#[test]
fn no_client_gets_a_tarball_that_its_packument_does_not_name() {
    let cases = amount("PROPTEST_CASES", CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let told = runner.run(&vec(action(), 1..60), |actions| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut world = World::new();
            for action in &actions {
                world.act(*action).await.map_err(TestCaseError::fail)?;
            }
            world.end().await.map_err(TestCaseError::fail)
        })
    });
    if let Err(failed) = told {
        panic!("{failed}");
    }
}
