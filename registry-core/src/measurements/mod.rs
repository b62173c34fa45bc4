//! Counts and durations of what a registry does in this process, for metrics and health checks.
//!
//! They are kept as atomic integers, so that recording one costs a request nothing that can be measured. Names of operations,
//! outcomes and caches are fixed, and upstreams are those of the settings: no client can add one.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! registry.open().await?;
//! let put = registry.measurements().storage.into_iter().find(|measured| measured.operation == "put").unwrap();
//! assert_eq!(put.durations.count, 1, "the marker of the store");
//! # Ok::<(), registry_core::Error>(()) }).unwrap();
//! ```

mod durations;
mod meters;

use std::sync::Arc;

pub use durations::Durations;
pub(crate) use meters::{CacheMeter, Count, DurationMeters, Timing};

/// What a registry has done since its process started.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Measurements {
    /// Each operation of the store.
    pub storage: Vec<OperationMeasurements>,
    /// Conditional writes whose condition did not hold: another writer was faster, or the blob was already there.
    pub storage_conflicts: u64,
    /// Each upstream, in the order of the settings.
    pub upstreams: Vec<UpstreamMeasurements>,
    /// Each cache.
    pub caches: Vec<CacheMeasurements>,
    /// The queue of events.
    pub events: EventMeasurements,
    /// The counts of downloads.
    pub downloads: DownloadMeasurements,
    /// The files that policies read.
    pub policies: PolicyMeasurements,
}

impl Measurements {
    pub(crate) fn new(
        (storage, storage_conflicts): (Vec<OperationMeasurements>, u64),
        upstreams: Vec<UpstreamMeasurements>,
        caches: Vec<CacheMeasurements>,
        events: EventMeasurements,
        downloads: DownloadMeasurements,
        policies: PolicyMeasurements,
    ) -> Self {
        Self { storage, storage_conflicts, upstreams, caches, events, downloads, policies }
    }
}

/// One operation of the store.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OperationMeasurements {
    /// The method of [`BlobStore`](crate::storage::BlobStore).
    pub operation: &'static str,
    /// The time until the store answered, errors and canceled requests included. For a stream that the store sends, until it
    /// began; for one that the store receives, until it ended.
    pub durations: Durations,
    /// How many failed with [`BlobError::Unavailable`](crate::storage::BlobError::Unavailable).
    pub unavailable: u64,
    /// How many failed with [`BlobError::Refused`](crate::storage::BlobError::Refused).
    pub refused: u64,
}

impl OperationMeasurements {
    pub(crate) fn new(
        operation: &'static str,
        durations: Durations,
        (unavailable, refused): (u64, u64),
    ) -> Self {
        Self { operation, durations, unavailable, refused }
    }
}

/// One upstream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UpstreamMeasurements {
    /// The id that access rules use.
    pub upstream: Arc<str>,
    /// Whether requests pause because it failed repeatedly, and it has not answered since.
    pub is_paused: bool,
    /// The time until it answered, retries included, by outcome; for a tarball, until its first byte.
    pub outcomes: Vec<(&'static str, Durations)>,
}

impl UpstreamMeasurements {
    pub(crate) fn new(upstream: Arc<str>, is_paused: bool, outcomes: Vec<(&'static str, Durations)>) -> Self {
        Self { upstream, is_paused, outcomes }
    }
}

/// One cache. Lookups that share their work count once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheMeasurements {
    /// The cache.
    pub cache: &'static str,
    /// Lookups that found a current entry.
    pub hits: u64,
    /// Lookups that had to make or fetch the entry. What does not exist counts as neither.
    pub misses: u64,
}

/// The files that policies read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyMeasurements {
    /// Files that cannot be used now. Their policies refuse, or use what they read last.
    pub unreadable_files: u64,
    /// How often a file could not be used, which is found out at most once a second.
    pub failed_reads: u64,
}

impl PolicyMeasurements {
    pub(crate) fn new(unreadable_files: u64, failed_reads: u64) -> Self {
        Self { unreadable_files, failed_reads }
    }
}

/// The queue of events for the sinks of this process, such as the audit log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMeasurements {
    /// Changes that the sinks have not accepted yet. Writers wait once there are as many as [`Self::capacity`].
    pub changes_waiting: u64,
    /// Denials that the sinks have not accepted yet.
    pub denials_waiting: u64,
    /// Events that were dropped: denials beyond the capacity, and those after the end of the runtime.
    pub lost: u64,
    /// How many events of each kind may wait; 0 without a sink.
    pub capacity: u64,
}

impl EventMeasurements {
    pub(crate) fn new(changes_waiting: u64, denials_waiting: u64, lost: u64, capacity: u64) -> Self {
        Self { changes_waiting, denials_waiting, lost, capacity }
    }
}

/// The counts of downloads, which this process makes and writes to the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadMeasurements {
    /// Downloads that were counted.
    pub counted: u64,
    /// Downloads whose count was lost: there was no room for it, or the store did not tell whether it has it.
    pub lost: u64,
    /// How often the counts could not be written. They are written the next time.
    pub failed_flushes: u64,
}

impl DownloadMeasurements {
    pub(crate) fn new(counted: u64, lost: u64, failed_flushes: u64) -> Self {
        Self { counted, lost, failed_flushes }
    }
}
