use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use registry_testkit::faulty::{Fault, FaultPlan, Gate, Operation};
use registry_testkit::{TestRegistry, amount};
use tokio::runtime::Handle;
use tokio::task::yield_now;

use super::write::Write;
use super::{listed_versions, packages};

/// Every how many steps a client goes away, unless `STRIDE` says otherwise: 1 is every step, and takes a minute.
const STRIDE: usize = 4;

/// Polls a future so often, letting other tasks go on in between. Whether it came to its end.
async fn poll_times(future: impl Future, times: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..times {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        yield_now().await;
    }
    false
}

/// Waits until every task that was begun has come to its end.
async fn settle(tasks_before: usize) {
    while Handle::current().metrics().num_alive_tasks() > tasks_before {
        yield_now().await;
    }
}

/// What the registry has in the end, when the client goes away after so many steps; and whether it was too late to go.
async fn dropped_after(write: Write, steps: usize, wholly_done: &BTreeMap<String, Bytes>) -> bool {
    let slow = FaultPlan { seed: 7, delayed: 1.0, ..FaultPlan::NONE };
    let registry = TestRegistry::builder().faults(slow).start().await;
    let prepared = write.prepare(&registry).await;
    let before = packages(&registry).await;
    let tasks = Handle::current().metrics().num_alive_tasks();
    let finished = poll_times(prepared.send(&registry), steps).await;
    settle(tasks).await;

    let what = format!("{write:?}, dropped after {steps} steps");
    registry.registry().flush_events().await;
    let told = registry.events().take().len();
    if write.is_done(&registry).await {
        assert_eq!(told, 1, "{what}: it was done, and the events do not tell");
        assert_eq!(packages(&registry).await, *wholly_done, "{what}: it was done by half");
    } else {
        assert!(!finished, "{what}");
        assert_eq!(told, 0, "{what}: it was not done, and the events say so");
        assert_eq!(packages(&registry).await, before, "{what}: something is left of it");
    }
    for name in ["pear", "plum"] {
        listed_versions(&registry, name).await;
    }
    finished
}

/// What is stored when no client disconnects.
async fn wholly_done(write: Write) -> BTreeMap<String, Bytes> {
    let registry = TestRegistry::new().await;
    let prepared = write.prepare(&registry).await;
    let answer = prepared.send(&registry).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    packages(&registry).await
}

#[tokio::test]
async fn a_write_is_done_wholly_or_not_at_all_whenever_its_client_goes_away() {
    let stride = amount("STRIDE", STRIDE);
    for write in Write::OF_PACKAGES {
        let wholly_done = wholly_done(write).await;
        // Another start for each write, so that no step they share is passed over.
        let mut steps = write as usize % stride;
        while !dropped_after(write, steps, &wholly_done).await {
            steps += stride;
            assert!(steps < 1_000, "{write:?} has no end");
        }
        assert!(steps > 5, "{write:?} has steps to be dropped at: {steps}");
    }
}

#[tokio::test]
async fn a_publish_whose_client_is_gone_before_the_commit_is_finished() {
    let registry = TestRegistry::new().await;
    let prepared = Write::PublishNext.prepare(&registry).await;
    let tasks = Handle::current().metrics().num_alive_tasks();
    let gate = Gate::new();
    registry.store().fail_next_at(
        Operation::Put,
        |path| path.ends_with("/index.json"),
        Fault::Hold(gate.clone()),
    );
    tokio::select! {
        answer = prepared.send(&registry) => panic!("the gate is closed: {}", answer.text()),
        () = gate.reached() => {}
    }
    assert!(!Write::PublishNext.is_done(&registry).await);
    gate.open();
    settle(tasks).await;
    assert!(Write::PublishNext.is_done(&registry).await);
}

#[tokio::test]
async fn a_login_whose_client_is_gone_is_told_of() {
    for (write, operation, folder) in [
        (Write::SignUp, Operation::Put, "_accounts/"),
        (Write::SignUp, Operation::Put, "_tokens/"),
        (Write::LogIn, Operation::Put, "_tokens/"),
        (Write::LogOut, Operation::Delete, "_tokens/"),
    ] {
        let registry = TestRegistry::new().await;
        let prepared = write.prepare(&registry).await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        let gate = Gate::new();
        registry.store().fail_next_at(
            operation,
            move |path| path.starts_with(folder),
            Fault::Hold(gate.clone()),
        );
        tokio::select! {
            answer = prepared.send(&registry) => panic!("the gate is closed: {}", answer.text()),
            () = gate.reached() => {}
        }
        gate.open();
        settle(tasks).await;
        registry.registry().flush_events().await;
        assert_eq!(registry.events().take().len(), 1, "{write:?}");
        assert!(write.is_done(&registry).await, "{write:?}");
    }
}
