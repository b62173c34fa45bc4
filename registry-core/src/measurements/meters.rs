use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::durations::DurationMeter;
use super::{CacheMeasurements, Durations};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the lookups of a cache.
#[derive(Debug, Default)]
pub(crate) struct CacheMeter {
    hits: Count,
    misses: Count,
}

impl CacheMeter {
    pub(crate) fn hit(&self) {
        self.hits.add_one();
    }

    pub(crate) fn miss(&self) {
        self.misses.add_one();
    }

    /// Returns the counts of several meters of one cache.
    pub(crate) fn measurements<const METERS: usize>(
        cache: &'static str,
        meters: [&Self; METERS],
    ) -> CacheMeasurements {
        let sum = |count: fn(&Self) -> &Count| -> u64 { meters.iter().map(|meter| count(meter).get()).sum() };
        CacheMeasurements { cache, hits: sum(|meter| &meter.hits), misses: sum(|meter| &meter.misses) }
    }
}

/// The durations of a few kinds of operation, which a place distinguishes.
#[derive(Debug, Clone)]
pub(crate) struct DurationMeters(Arc<[DurationMeter]>);

impl DurationMeters {
    pub(crate) fn new(places: usize) -> Self {
        Self((0..places).map(|_| DurationMeter::default()).collect())
    }

    /// Begins an operation, which belongs at `place` until [`Timing::belongs_at`] says otherwise.
    pub(crate) fn begin(&self, place: usize) -> Timing {
        Timing { meters: self.clone(), place, begun: Instant::now() }
    }

    /// Returns the durations at each place.
    pub(crate) fn durations(&self) -> impl Iterator<Item = Durations> {
        self.0.iter().map(DurationMeter::durations)
    }
}

/// An operation in flight. Its duration is recorded on drop, so that a request which was canceled because it took too long
/// counts too.
#[derive(Debug)]
pub(crate) struct Timing {
    meters: DurationMeters,
    place: usize,
    begun: Instant,
}

impl Timing {
    pub(crate) fn belongs_at(&mut self, place: usize) {
        self.place = place;
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        if let Some(meter) = self.meters.0.get(self.place) {
            meter.record(self.begun.elapsed());
        }
    }
}
