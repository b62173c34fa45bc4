//! A store that fails under the index.

use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, FaultPlan, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use tokio::runtime::Handle;

use super::{found, publish, settle};

fn of_index(path: &str) -> bool {
    path.starts_with("_search/")
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_written_fails_no_publish_and_is_caught_up_with() {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused] {
        let registry = TestRegistry::new().await;
        assert_eq!(found(&registry.ana(), "text=pear").await, [""; 0]);
        // Only what may help is tried again at once.
        for _ in 0..if matches!(fault, Fault::Refused) { 1 } else { 3 } {
            registry.store().fail_next_at(Operation::Put, of_index, fault.clone());
        }
        let pear = PublishDocument::new("pear", "1.0.0");
        let _ = registry.ana().publish(&pear).await.assert_status(201);
        registry.registry().flush_events().await;
        assert_eq!(registry.events().kinds().lines().count(), 1);
        // The next search has what is left tried once more, behind it.
        let tasks = Handle::current().metrics().num_alive_tasks();
        let _ = found(&registry.ana(), "text=pear").await;
        settle(tasks).await;
        assert_eq!(found(&registry.ana(), "text=pear").await, ["pear"], "{fault:?}");
        assert_eq!(found(&registry.replica().await.ana(), "text=pear").await, ["pear"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_at_the_index_does_not_hold_a_publish() {
    let registry = TestRegistry::new().await;
    assert_eq!(found(&registry.ana(), "text=pear").await, [""; 0]);
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::Put, of_index, Fault::Hold(gate.clone()));
    publish(&registry, "pear", "1.0.0").await;
    assert_eq!(found(&registry.ana(), "text=pear").await, [""; 0]);
    gate.open();
    while found(&registry.ana(), "text=pear").await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_search_that_cannot_read_the_index_says_so() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    let _ = registry.ana().get("/-/v1/search?text=pear").await.assert_status(200);
    registry.store().fail_next_at(Operation::GetIfChanged, of_index, Fault::BeforeEffect);
    let answer = registry.ana().get("/-/v1/search?text=pear").await.assert_status(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let _ = registry.ana().get("/-/v1/search?text=pear").await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bad_day_a_search_finds_what_was_acknowledged_in_the_end() {
    for seed in 0..5 {
        let registry = TestRegistry::builder().faults(FaultPlan::bad_day(seed)).start().await;
        let mut acknowledged = Vec::new();
        for number in 0..20 {
            let name = format!("pear-{number:02}");
            if registry.ana().publish(&PublishDocument::new(&name, "1.0.0")).await.status == 201 {
                acknowledged.push(name);
            }
        }
        // A process that begins on a good day, with an index that no process had compared with the packages yet.
        let calm = TestRegistry::builder().start_on(&registry).await;
        let names = found(&calm.ana(), "text=pear&size=100").await;
        for name in &acknowledged {
            assert!(names.contains(name), "seed {seed}: {name} is not among {names:?}");
        }
    }
}
