use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::join_all;

use crate::events::{Event, EventError, EventSink};

/// Delivers each batch to several sinks concurrently. When some fail, the batch is delivered again to those alone.
///
/// The next batch follows when all sinks have accepted this one: a sink that is down blocks the others. A sink that
/// may miss events therefore returns `Ok` and drops them itself.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::events::{FanOut, LogEvents};
/// let both = FanOut::new(vec![Arc::new(LogEvents), Arc::new(LogEvents)]);
/// assert_eq!(both.to_string(), "fan-out(log, log)");
/// ```
#[derive(Debug)]
pub struct FanOut {
    sinks: Vec<Arc<dyn EventSink>>,
    unfinished: Mutex<Option<Unfinished>>,
}

/// A batch that some sinks have accepted and others have not.
#[derive(Debug)]
struct Unfinished {
    batch: Vec<Event>,
    taken: Vec<bool>,
}

impl FanOut {
    /// Delivers batches to all of `sinks`.
    pub fn new(sinks: Vec<Arc<dyn EventSink>>) -> Self {
        Self { sinks, unfinished: Mutex::new(None) }
    }

    /// Returns which sinks have already accepted this batch. A batch other than the one that failed last is new.
    fn taken(&self, events: &[Event]) -> Vec<bool> {
        let unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).take();
        match unfinished {
            Some(unfinished) if unfinished.batch == events => unfinished.taken,
            _ => vec![false; self.sinks.len()],
        }
    }
}

#[async_trait]
impl EventSink for FanOut {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        let taken = self.taken(events);
        let offers = self
            .sinks
            .iter()
            .zip(&taken)
            .map(async |(sink, taken)| if *taken { Ok(()) } else { sink.deliver(events).await });
        let outcomes = join_all(offers).await;
        let taken: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        let failed: Vec<EventError> = outcomes.into_iter().filter_map(Result::err).collect();
        let names: Vec<String> = failed.iter().map(|error| error.sink.clone()).collect();
        let Some(first) = failed.into_iter().next() else {
            return Ok(());
        };
        let unfinished = Unfinished { batch: events.to_vec(), taken };
        *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = Some(unfinished);
        Err(EventError { sink: names.join(", "), source: first.source })
    }
}

impl fmt::Display for FanOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.sinks.iter().map(ToString::to_string).collect();
        write!(formatter, "fan-out({})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use chrono::DateTime;

    use super::*;
    use crate::events::EventKind;

    /// Fails a set number of times, and stores the names in the events that it accepts.
    #[derive(Debug, Default)]
    struct Failing {
        failures: Mutex<usize>,
        taken: Mutex<Vec<String>>,
    }

    impl fmt::Display for Failing {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("failing")
        }
    }

    #[async_trait]
    impl EventSink for Failing {
        async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
            let mut failures = self.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(EventError { sink: "failing".into(), source: "as told".into() });
            }
            self.taken.lock().unwrap().extend(events.iter().filter_map(|event| event.principal.clone()));
            Ok(())
        }
    }

    fn failing(failures: usize) -> Arc<Failing> {
        Arc::new(Failing { failures: Mutex::new(failures), ..Failing::default() })
    }

    fn batch(names: [&str; 2]) -> [Event; 2] {
        let kind = EventKind::LoggedIn;
        names.map(|name| Event {
            principal: Some(name.into()),
            ..Event::new(DateTime::UNIX_EPOCH, kind.clone())
        })
    }

    #[tokio::test]
    async fn a_failing_sink_does_not_repeat_batches_for_others() {
        let (good, once, twice) = (failing(0), failing(1), failing(2));
        let sinks: [&Arc<Failing>; 3] = [&good, &once, &twice];
        let fan_out = FanOut::new(sinks.map(|sink| Arc::clone(sink) as _).into());
        let first = fan_out.deliver(&batch(["a", "b"])).await.unwrap_err();
        assert_eq!(first.to_string(), "failing, failing did not accept the events");
        assert_eq!(first.source().unwrap().to_string(), "as told");
        let second = fan_out.deliver(&batch(["a", "b"])).await.unwrap_err();
        assert_eq!(second.to_string(), "failing did not accept the events");
        fan_out.deliver(&batch(["a", "b"])).await.unwrap();
        fan_out.deliver(&batch(["a", "b"])).await.unwrap();
        fan_out.deliver(&batch(["c", "d"])).await.unwrap();
        for sink in sinks {
            assert_eq!(*sink.taken.lock().unwrap(), ["a", "b", "a", "b", "c", "d"]);
        }
    }

    #[tokio::test]
    async fn an_abandoned_batch_hides_no_later_one() {
        let (good, once) = (failing(0), failing(1));
        let fan_out = FanOut::new(vec![Arc::clone(&good) as _, Arc::clone(&once) as _]);
        fan_out.deliver(&batch(["a", "b"])).await.unwrap_err();
        fan_out.deliver(&batch(["c", "d"])).await.unwrap();
        assert_eq!(*good.taken.lock().unwrap(), ["a", "b", "c", "d"]);
        assert_eq!(*once.taken.lock().unwrap(), ["c", "d"]);
    }
}
