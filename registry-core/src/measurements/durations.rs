use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds: from memory to a store or an upstream that is about to time out.
const BOUNDS: [f64; 16] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A histogram of durations.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Durations {
    /// Upper bounds in seconds, ascending, each with the number of durations that were at most as long.
    pub at_most: Vec<(f64, u64)>,
    /// The number of all durations.
    pub count: u64,
    /// Their sum in seconds.
    pub seconds: f64,
}

/// Records durations.
#[derive(Debug, Default)]
pub(crate) struct DurationMeter {
    /// One count for each bound, and one for longer durations. Not cumulative, so that a record changes one of them.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl DurationMeter {
    pub(crate) fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn durations(&self) -> Durations {
        let mut count = 0;
        let mut at_most = Vec::with_capacity(BOUNDS.len());
        for (place, bucket) in self.counts.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = BOUNDS.get(place) {
                at_most.push((*bound, count));
            }
        }
        let seconds = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        Durations { at_most, count, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_and_including_each_bound() {
        let meter = DurationMeter::default();
        for milliseconds in [0, 1, 2, 60_000] {
            meter.record(Duration::from_millis(milliseconds));
        }
        let durations = meter.durations();
        let at_most =
            |bound: f64| durations.at_most.iter().find(|(known, _)| (*known - bound).abs() < 1e-9).unwrap().1;
        assert_eq!((at_most(0.0001), at_most(0.001), at_most(0.0025), at_most(30.0)), (1, 2, 3, 3));
        assert_eq!(durations.count, 4);
        assert!((durations.seconds - 60.003).abs() < 1e-9);
    }
}
