use std::sync::atomic::{AtomicUsize, Ordering};

use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};

use super::write::Write;
use super::{listed_versions, packages};

/// Lets the operation that comes after `skip` others of its kind meet a fault.
fn fail_at(registry: &TestRegistry, operation: Operation, skip: usize, fault: Fault) {
    let passed = AtomicUsize::new(0);
    registry.store().fail_next_at(operation, move |_| passed.fetch_add(1, Ordering::Relaxed) == skip, fault);
}

/// What a write asks of the store, in order, when nothing fails.
async fn operations_of(write: Write) -> Vec<Operation> {
    let registry = TestRegistry::new().await;
    let prepared = write.prepare(&registry).await;
    let before = registry.store().calls().len();
    let answer = prepared.send(&registry).await;
    assert!(answer.status.is_success(), "{write:?}: {}", answer.text());
    let operations = registry.store().calls()[before..].iter().map(|(operation, _)| *operation).collect();
    assert!(write.is_done(&registry).await, "{write:?}");
    operations
}

async fn survives(write: Write) {
    let operations = operations_of(write).await;
    assert!(operations.len() > 1, "{write:?}: {operations:?}");
    for (index, operation) in operations.iter().enumerate() {
        let skip = operations[..index].iter().filter(|earlier| *earlier == operation).count();
        for fault in [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused] {
            let what = format!("{write:?}, {fault:?} at {operation:?} {skip} of {operations:?}");
            let registry = TestRegistry::new().await;
            let prepared = write.prepare(&registry).await;
            let before = packages(&registry).await;
            let fault_kind = fault.clone();
            fail_at(&registry, *operation, skip, fault);
            let answer = prepared.send(&registry).await;
            assert_eq!(registry.store().faults_to_come(), 0, "{what}");
            registry.registry().flush_events().await;
            let told = registry.events().kinds();

            if answer.status.is_success() {
                assert!(write.is_done(&registry).await, "{what}: it said so");
                assert_eq!(told.lines().count(), 1, "{what}: {told}");
            } else {
                let helps = !matches!(fault_kind, Fault::Refused);
                // An account is asked for through a provider, to whom every failure of the store is the same.
                assert!(matches!(answer.status.as_u16(), 500 | 503), "{what}: {}", answer.text());
                assert!(!helps || answer.status == 503, "{what}: trying again helps");
                assert_eq!(answer.header("retry-after"), (answer.status == 503).then_some("1"), "{what}");
                let done = write.is_done(&registry).await;
                // A tarball that no packument names, what would be staged, and a marker of a star that was not set, may be
                // left.
                let may_leave_something = matches!(
                    write,
                    Write::PublishFirst | Write::PublishNext | Write::Stage | Write::Approve | Write::Star
                );
                if !done && !may_leave_something {
                    assert_eq!(packages(&registry).await, before, "{what}");
                }
                let again = prepared.send(&registry).await;
                let truth = done && write.truth().contains(&again.status.as_u16());
                assert!(
                    again.status.is_success() || truth,
                    "{what}: again {} {}",
                    again.status,
                    again.text()
                );
                assert!(write.is_done(&registry).await, "{what}: after trying again");
            }
            for name in ["pear", "plum"] {
                listed_versions(&registry, name).await;
            }
            if write != Write::UnpublishPackage {
                let pears = listed_versions(&registry, "pear").await;
                assert!(pears.contains_key("1.1.0"), "{what}: a version was lost");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_write_of_a_package_is_lost_or_half_done() {
    for write in Write::OF_PACKAGES {
        survives(write).await;
    }
}

#[tokio::test]
async fn no_session_is_lost() {
    for write in Write::OF_SESSIONS {
        survives(write).await;
    }
}

/// The commit had its effect and its answer was lost: the registry finds its own write, and says so once.
#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_a_success() {
    for write in Write::OF_PACKAGES {
        let registry = TestRegistry::new().await;
        let prepared = write.prepare(&registry).await;
        registry.store().fail_next_at(
            Operation::Put,
            |path| path.ends_with("/index.json"),
            Fault::AfterEffect,
        );
        let answer = prepared.send(&registry).await;
        assert!(answer.status.is_success(), "{write:?}: {} {}", answer.status, answer.text());
        assert_eq!(registry.store().faults_to_come(), 0, "{write:?}");
        assert!(write.is_done(&registry).await, "{write:?}");
        registry.registry().flush_events().await;
        assert_eq!(registry.events().take().len(), 1, "{write:?}");
    }
}
