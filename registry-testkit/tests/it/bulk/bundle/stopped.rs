use std::collections::BTreeMap;

use futures::future::join;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use serde_json::Value;

use super::super::{calls_of, end_alike};
use super::{LOCKED, Site, stored};

const NAMES: [&str; 2] = ["@acme/pear", "fig"];

/// What a bundle leaves: the packuments, and all other keys of packages.
async fn state(registry: &TestRegistry) -> (Vec<Value>, Vec<String>) {
    let keys = registry.keys().await;
    let is_of_package =
        |key: &String| NAMES.iter().any(|name| key.starts_with(name)) || key.starts_with("_spellings");
    let mut packuments = Vec::new();
    for name in NAMES {
        packuments.push(stored(registry, name).await);
    }
    (packuments, keys.into_iter().filter(is_of_package).collect())
}

#[tokio::test]
async fn a_bundle_that_was_applied_to_any_point_is_applied_by_the_next_run() {
    let (site, clean) = (Site::new().await, TestRegistry::new().await);
    site.created("one.tar", &LOCKED).await;
    let _ = clean.store().take_calls();
    assert_eq!(site.apply(&clean, "one.tar").await.unwrap().1, [""; 0]);
    let expected = state(&clean).await;
    let writes = calls_of(&clean, Operation::Put).len();
    assert!(writes > 5, "{writes}");
    let apply = async |registry: &TestRegistry| site.apply(registry, "one.tar").await.unwrap().1;
    end_alike(writes, &expected, apply, state).await;
}

#[tokio::test]
async fn two_that_apply_it_at_once_are_as_one() {
    let (site, clean) = (Site::new().await, TestRegistry::new().await);
    site.created("one.tar", &LOCKED).await;
    let _ = site.apply(&clean, "one.tar").await.unwrap();
    let registry = TestRegistry::new().await;
    let replica = registry.replica().await;
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, |path| path == "fig/index.json", Fault::Hold(gate.clone()));
    let other = async {
        gate.reached().await;
        let applied = site.apply(&replica, "one.tar").await.unwrap();
        gate.open();
        applied
    };
    let (first, second) = join(site.apply(&registry, "one.tar"), other).await;
    let (first, second) = (first.unwrap(), second);
    assert_eq!((first.1, second.1), (Vec::new(), Vec::new()));
    let added: u64 = first.0.iter().chain(&second.0).map(|package| package.added).sum();
    assert_eq!(added, 3, "each version counts once");
    assert_eq!(state(&registry).await, state(&clean).await);
}

#[tokio::test]
async fn a_storage_that_is_full_keeps_what_it_had() {
    let (site, registry) = (Site::new().await, TestRegistry::new().await);
    site.created("one.tar", &LOCKED).await;
    let before: BTreeMap<_, _> = registry.stored().await;
    for _ in 0..500 {
        registry.store().fail_next_at(Operation::Put, |_| true, Fault::Refused);
    }
    let (packages, failures) = site.apply(&registry, "one.tar").await.unwrap();
    assert!(packages.iter().all(|package| package.added == 0), "{packages:?}");
    assert!(
        !failures.is_empty() && failures.iter().all(|failure| failure.contains("refused")),
        "{failures:?}"
    );
    assert_eq!(registry.stored().await, before);
}
