//! Operations on a whole storage: what they change, what they leave alone, and what a run that was stopped leaves to the
//! next one.

mod bundle;
mod copy;
pub(crate) mod import;
mod remove;
mod rewrite;
mod send_again;
mod tarball_urls;

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{Stream, StreamExt as _};
use registry_core::bulk::BulkStream;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};

/// More than a page of a listing of S3 has.
const MANY: usize = 1_100;

/// What the operation did, and its failures with their causes.
pub(crate) async fn outcome<Record, Failure: Error>(
    stream: impl Stream<Item = Result<Record, Failure>>,
) -> (Vec<Record>, Vec<String>) {
    let (mut records, mut failures) = (Vec::new(), Vec::new());
    for outcome in stream.collect::<Vec<_>>().await {
        match outcome {
            Ok(record) => records.push(record),
            Err(error) => failures.push(told(&error)),
        }
    }
    (records, failures)
}

/// What an operation did that must not fail.
async fn records<Record>(stream: BulkStream<Record>) -> Vec<Record> {
    let (records, failures) = outcome(stream).await;
    assert_eq!(failures, [""; 0]);
    records
}

pub(crate) fn told(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(told, ": {error}");
        cause = error.source();
    }
    told
}

/// Lets the operation of this number fail, counted from 0 and from now on.
pub(crate) fn fail_at(registry: &TestRegistry, operation: Operation, number: usize, fault: Fault) {
    let calls = AtomicUsize::new(0);
    registry.store().fail_next_at(operation, move |_| calls.fetch_add(1, Ordering::SeqCst) == number, fault);
}

/// Runs an operation on a registry of its own for each of its `writes`, which fails there, and runs it once more. Then nothing
/// fails, and the state is that of a run without a failure.
#[expect(clippy::future_not_send, reason = "a test awaits it where it is made")]
async fn end_alike<State: PartialEq + Debug>(
    writes: usize,
    expected: &State,
    run: impl AsyncFn(&TestRegistry) -> Vec<String>,
    state: impl AsyncFn(&TestRegistry) -> State,
) {
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        for number in 0..writes {
            let registry = TestRegistry::new().await;
            fail_at(&registry, Operation::Put, number, fault.clone());
            let _ = run(&registry).await;
            assert_eq!(run(&registry).await, [""; 0], "write {number}, {fault:?}");
            assert_eq!(state(&registry).await, *expected, "write {number}, {fault:?}");
        }
    }
}

/// How often an operation was called since the calls were last taken.
pub(crate) fn calls_of(registry: &TestRegistry, operation: Operation) -> Vec<String> {
    let calls = registry.store().take_calls().into_iter();
    calls.filter(|(called, _)| *called == operation).map(|(_, path)| path).collect()
}
