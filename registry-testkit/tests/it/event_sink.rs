use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use registry_core::events::{Event, EventError, EventSink, FanOut};
use registry_testkit::{RecordedEvents, conformance};
use serde_json::{Value, json};

fn read(events: &RecordedEvents) -> Vec<Value> {
    events.take().iter().map(|event| json!(event)).collect()
}

#[tokio::test]
async fn recorded_events_keep_the_contract() {
    conformance::event_sink(
        async || Arc::new(RecordedEvents::default()),
        async |events: Arc<RecordedEvents>| read(&events),
    )
    .await;
}

#[tokio::test]
async fn a_fan_out_keeps_the_contract_for_each_of_its_sinks() {
    for read_from in [0, 1] {
        let sinks = std::sync::Mutex::new(Vec::new());
        conformance::event_sink(
            || {
                let pair = [RecordedEvents::default(), RecordedEvents::default()];
                sinks.lock().unwrap().push(pair[read_from].clone());
                let fan_out = Arc::new(FanOut::new(pair.map(|sink| Arc::new(sink) as _).into()));
                async move { fan_out }
            },
            |_| {
                let found = sinks.lock().unwrap().last().map(read).unwrap();
                async move { found }
            },
        )
        .await;
    }
}

/// Keeps events after doing something to each batch that a sink must not do.
#[derive(Debug)]
struct Flawed {
    kept: RecordedEvents,
    flaw: fn(&mut Vec<Event>),
}

impl fmt::Display for Flawed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("flawed")
    }
}

#[async_trait]
impl EventSink for Flawed {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        let mut events = events.to_vec();
        (self.flaw)(&mut events);
        self.kept.deliver(&events).await
    }
}

async fn check(flaw: fn(&mut Vec<Event>)) {
    conformance::event_sink(
        async || Arc::new(Flawed { kept: RecordedEvents::default(), flaw }),
        async |sink: Arc<Flawed>| read(&sink.kept),
    )
    .await;
}

#[tokio::test]
async fn a_wrapper_that_does_nothing_keeps_the_contract() {
    check(|_| ()).await;
}

#[tokio::test]
#[should_panic(expected = "every event is taken once")]
async fn a_sink_that_loses_an_event_is_found_out() {
    check(|events| events.truncate(255)).await;
}

#[tokio::test]
#[should_panic(expected = "in the order in which they came")]
async fn a_sink_that_changes_the_order_is_found_out() {
    check(|events| events.reverse()).await;
}

#[tokio::test]
#[should_panic(expected = "events are kept whole")]
async fn a_sink_that_loses_who_it_was_is_found_out() {
    check(|events| events.iter_mut().for_each(|event| event.address = None)).await;
}
