//! Over random rules, providers in any order, sign-ins and failures of the store: no principal ever has a name that another
//! provider owns.

mod action;
mod entry;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use registry_testkit::amount;

use action::action;
use world::{Rules, World};

/// How many stories are told unless `PROPTEST_CASES` says otherwise. The same number tells the same stories.
const CASES: u32 = 75;

#[test]
fn no_principal_has_a_name_that_another_provider_owns() {
    let cases = amount("PROPTEST_CASES", CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2048, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let rules = prop_oneof![Just(Rules::Owners), Just(Rules::Ana), Just(Rules::North)];
    let orders = (0..6_usize, 0..6_usize);
    let told = runner.run(&(rules, orders, vec(action(), 1..40)), |(rules, orders, actions)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut world = World::new(rules, [orders.0, orders.1]).await;
            for action in &actions {
                world.act(*action).await.map_err(TestCaseError::fail)?;
            }
            Ok(())
        })
    });
    if let Err(failed) = told {
        panic!("{failed}");
    }
}
