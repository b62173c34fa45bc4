//! Tools for concurrent operations within one process.
//!
//! [`SingleFlight`] deduplicates lookups, [`KeyedMutex`] serializes writers of one key, [`Backoff`], [`RetryPauses`] and
//! [`RetrySchedule`] space retries, and [`detached`] runs a write to its end after its caller has left. None of them is
//! needed for correctness across processes: that is the compare-and-swap of the store.

mod backoff;
mod detached;
mod keyed_mutex;
mod retry_pauses;
mod retry_schedule;
mod single_flight;

pub(crate) use backoff::Backoff;
pub(crate) use detached::{TaskFailed, compute, compute_elsewhere, detached};
pub(crate) use keyed_mutex::KeyedMutex;
pub(crate) use retry_pauses::RetryPauses;
pub(crate) use retry_schedule::RetrySchedule;
pub(crate) use single_flight::SingleFlight;
