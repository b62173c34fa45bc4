use std::collections::BTreeMap;

use futures::future::join;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

use super::super::{calls_of, end_alike};
use super::{Source, stored};

const NAMES: [&str; 2] = ["@acme/pear", "fig"];

fn source() -> Source {
    let source = Source::with_pear();
    for version in ["1.0.0", "1.0.1", "1.1.0"] {
        source.publish(&PublishDocument::new("fig", version));
    }
    source
}

/// What an import leaves: the packuments, and all other keys of packages.
async fn state(registry: &TestRegistry) -> (Vec<Value>, Vec<String>) {
    let keys = registry.keys().await;
    let is_of_package =
        |key: &String| NAMES.iter().any(|name| key.starts_with(name)) || key.starts_with("_spellings");
    let mut packuments = Vec::new();
    for name in NAMES {
        let mut packument = stored(registry, name).await;
        // A version that failed first is a change of its own.
        packument["time"].as_object_mut().unwrap().shift_remove("modified");
        packuments.push(packument);
    }
    (packuments, keys.into_iter().filter(is_of_package).collect())
}

#[tokio::test]
async fn an_import_that_was_stopped_anywhere_is_finished_by_the_next_one() {
    let source = source();
    let clean = TestRegistry::new().await;
    let _ = clean.store().take_calls();
    let (_, failures) = source.import(&clean, &NAMES).await;
    assert_eq!(failures, [""; 0]);
    let expected = state(&clean).await;
    let writes = calls_of(&clean, Operation::Put).len();
    assert!(writes > 8, "{writes}");
    let import = async |registry: &TestRegistry| source.import(registry, &NAMES).await.1;
    end_alike(writes, &expected, import, state).await;
}

/// A tarball that a run left is not fetched again.
#[tokio::test]
async fn tarballs_that_a_stopped_run_left_are_used() {
    let (source, registry) = (source(), TestRegistry::new().await);
    let is_index = |path: &str| path == "fig/index.json";
    for _ in 0..200 {
        registry.store().fail_next_at(Operation::Put, is_index, Fault::Refused);
    }
    let (packages, failures) = source.import(&registry, &["fig"]).await;
    assert_eq!((packages.len(), failures.len()), (0, 1), "{failures:?}");
    assert!(!registry.keys().await.contains(&"fig/index.json".to_owned()));
    let registry = registry.replica().await;
    let _ = source.upstream.take_asked();
    let imported = source.imported(&registry, "fig").await;
    assert_eq!(imported.added, 3);
    assert_eq!(source.upstream.take_asked(), ["packument fig"]);
}

/// Its only version could not be stored, so nothing may say that the package was.
#[tokio::test]
async fn a_package_of_which_nothing_was_stored_is_not_taken_for_lost() {
    let (source, registry) = (source(), TestRegistry::new().await);
    source.publish(&PublishDocument::new("plum", "1.0.0"));
    let is_tarball = |path: &str| path.starts_with("plum/-/");
    registry.store().fail_next_at(Operation::Put, is_tarball, Fault::BeforeEffect);
    let (packages, failures) = source.import(&registry, &["plum"]).await;
    assert_eq!((packages.len(), failures.len()), (1, 1), "{failures:?}");
    assert_eq!(registry.anonymous().get("/plum").await.status, 404);
    assert_eq!(source.imported(&registry, "plum").await.added, 1);
}

#[tokio::test]
async fn a_storage_that_refuses_writes_ends_the_import_and_keeps_what_it_had() {
    let (source, registry) = (source(), TestRegistry::new().await);
    for number in 0..20 {
        source.publish(&PublishDocument::new(&format!("plum-{number}"), "1.0.0"));
    }
    let before: BTreeMap<_, _> = registry.stored().await;
    for _ in 0..500 {
        registry.store().fail_next_at(Operation::Put, |_| true, Fault::Refused);
    }
    let (packages, failures) = source.import_as(&registry, |options| options.all = true).await;
    assert!(packages.iter().all(|package| package.added == 0), "{packages:?}");
    assert!(failures.len() <= 8, "{failures:?}");
    insta::assert_snapshot!(failures[0], @"cannot read or change the package @acme/pear: the registry's storage did not answer: try again in a moment: faulty(memory) refused @acme/pear/-/38eda9f1ac6620e002cf01be7bf06d36/pear-1.0.0.tgz: a fault was asked for: refused");
    assert_eq!(registry.stored().await, before);
}

/// Both fetch everything, and one of them commits each package.
#[tokio::test]
async fn two_imports_at_once_are_as_one() {
    let source = source();
    let clean = TestRegistry::new().await;
    let _ = source.import(&clean, &NAMES).await;
    let registry = TestRegistry::new().await;
    let replica = registry.replica().await;
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, |path| path == "fig/index.json", Fault::Hold(gate.clone()));
    let other = async {
        gate.reached().await;
        let imported = source.import(&replica, &NAMES).await;
        gate.open();
        imported
    };
    let ((first, first_failures), (second, second_failures)) =
        join(source.import(&registry, &NAMES), other).await;
    assert_eq!((first_failures, second_failures), (Vec::new(), Vec::new()));
    let added: u64 = first.iter().chain(&second).map(|imported| imported.added).sum();
    assert_eq!(added, 5, "each version counts once");
    assert_eq!(state(&registry).await, state(&clean).await);
    for registry in [&registry, &replica] {
        registry.registry().flush_events().await;
    }
    let events = registry.events().take().len() + replica.events().take().len();
    assert_eq!(events, 2, "one for each package");
}
