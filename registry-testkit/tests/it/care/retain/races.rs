use futures::future::join;
use registry_core::bulk::BulkMode;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{NOTHING, publish, retain, table, versions};

async fn with_versions(listed: &[&str]) -> TestRegistry {
    let registry = TestRegistry::new().await;
    for version in listed {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    registry
}

/// Holds the next change of `pear` after it was decided.
fn hold_the_change(registry: &TestRegistry) -> Gate {
    let gate = Gate::new();
    let is_index = |path: &str| path == "pear/index.json";
    registry.store().fail_next_at(Operation::Put, is_index, Fault::Hold(gate.clone()));
    gate
}

/// A tag that is set after the packument was read, and before it is written, keeps its version; so does a publish.
#[tokio::test]
async fn what_others_do_meanwhile_is_kept() {
    let registry = with_versions(&["1.0.0", "1.1.0", "1.2.0"]).await;
    let replica = registry.replica().await;
    let gate = hold_the_change(&registry);
    let other = async {
        gate.reached().await;
        let tagged = replica.ana().put("/-/package/pear/dist-tags/stable", &json!("1.0.0")).await;
        let _ = tagged.assert_status(200);
        publish(&replica, &PublishDocument::new("pear", "1.3.0").tag("next")).await;
        gate.open();
    };
    let ((packages, failures), ()) = join(retain(&registry, NOTHING, BulkMode::Apply), other).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.0.0                              tagged stable
      1.2.0                              tagged latest
      1.3.0                              tagged next
      1.1.0                              -
    "#);
    assert_eq!(versions(&replica, "pear").await, ["1.0.0", "1.2.0", "1.3.0"]);
}

/// Both see the same, and one of them removes it.
#[tokio::test]
async fn two_runs_at_once_are_as_one() {
    let registry = with_versions(&["1.0.0", "1.1.0", "1.2.0"]).await;
    let replica = registry.replica().await;
    let gate = hold_the_change(&registry);
    let other = async {
        gate.reached().await;
        let retained = retain(&replica, NOTHING, BulkMode::Apply).await;
        gate.open();
        retained
    };
    let ((first, first_failures), (second, second_failures)) =
        join(retain(&registry, NOTHING, BulkMode::Apply), other).await;
    assert_eq!((first_failures, second_failures), (Vec::new(), Vec::new()));
    assert_eq!((first[0].removed.len(), second[0].removed.len()), (0, 2));
    assert_eq!(versions(&registry, "pear").await, ["1.2.0"]);
    for registry in [&registry, &replica] {
        registry.registry().flush_events().await;
    }
    let events = |registry: &TestRegistry| {
        let events = registry.events().take().into_iter().map(|event| format!("{event:?}"));
        events.filter(|event| event.contains("Unpublished")).count()
    };
    assert_eq!(events(&registry) + events(&replica), 1, "each version is removed once");
}

/// A package that is unpublished meanwhile stays so.
#[tokio::test]
async fn a_package_that_goes_meanwhile_is_not_touched() {
    let registry = with_versions(&["1.0.0", "1.1.0"]).await;
    let replica = registry.replica().await;
    let gate = hold_the_change(&registry);
    let other = async {
        gate.reached().await;
        let packument = replica.ana().get("/pear").await.json();
        let revision = packument["_rev"].as_str().unwrap();
        let _ = replica.ana().delete(&format!("/pear/-rev/{revision}")).await.assert_status(200);
        gate.open();
    };
    let ((packages, failures), ()) = join(retain(&registry, NOTHING, BulkMode::Apply), other).await;
    assert_eq!(failures, [""; 0]);
    assert_eq!(table(&packages), "pear (rule 1)\n");
    let keys = registry.keys().await;
    assert!(!keys.iter().any(|key| key.contains("/-/")), "{keys:?}");
}
