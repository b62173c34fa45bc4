use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use registry_core::changes::{ChangeSink, DeliveredChange};
use registry_core::events::{Event, EventError};

/// A sink of the change feed that keeps what it is given, and fails on request. Clones share what they keep.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::changes::DeliverySettings;
/// use registry_testkit::publish_document::PublishDocument;
/// use registry_testkit::{RecordedChanges, TestRegistry};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let changes = RecordedChanges::default();
/// let sink = Arc::new(changes.clone());
/// let registry = TestRegistry::builder().change_sink("sink", sink, DeliverySettings::default()).start().await;
/// registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
/// registry.registry().flush_events().await;
/// registry.registry().deliver_changes().await;
/// assert_eq!(changes.lines(), ["1 pear published"]);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordedChanges(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    changes: Vec<DeliveredChange>,
    /// How many changes each call got, failed calls included.
    calls: Vec<usize>,
    /// What the next calls fail with.
    failures: VecDeque<String>,
    /// The id of a change that is never accepted.
    refused: Option<u64>,
}

impl RecordedChanges {
    /// Lets the next `calls` fail.
    pub fn fail(&self, calls: usize) {
        let failures = std::iter::repeat_n("out of order".to_owned(), calls);
        self.lock().failures.extend(failures);
    }

    /// Lets no further call fail.
    pub fn recover(&self) {
        self.lock().failures.clear();
    }

    /// Never accepts the change of this number.
    pub fn refuse(&self, seq: u64) {
        self.lock().refused = Some(seq);
    }

    /// The accepted changes, in the order of their arrival.
    pub fn changes(&self) -> Vec<DeliveredChange> {
        self.lock().changes.clone()
    }

    /// The accepted changes, each as number, package and kind.
    ///
    /// # Panics
    ///
    /// If an event is not one of this version.
    pub fn lines(&self) -> Vec<String> {
        let line = |change: &DeliveredChange| {
            let event: serde_json::Value =
                serde_json::from_str(change.event.get()).unwrap_or_else(|error| panic!("no event: {error}"));
            let subject = event["package"].as_str().or(event["organization"].as_str()).unwrap_or_default();
            format!("{} {subject} {}", change.seq, event["kind"].as_str().unwrap_or_default())
        };
        self.lock().changes.iter().map(line).collect()
    }

    /// The accepted changes, as events.
    ///
    /// # Panics
    ///
    /// If an event is not one of this version.
    pub fn events(&self) -> Vec<Event> {
        let parse = |change: &DeliveredChange| {
            serde_json::from_str(change.event.get()).unwrap_or_else(|error| panic!("no event: {error}"))
        };
        self.lock().changes.iter().map(parse).collect()
    }

    /// How many changes each call got, failed calls included.
    pub fn calls(&self) -> Vec<usize> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ChangeSink for RecordedChanges {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        let mut recorded = self.lock();
        recorded.calls.push(changes.len());
        let refused = changes.iter().find(|change| Some(change.seq) == recorded.refused);
        let failure = refused.map(|change| format!("change {} is refused", change.seq));
        if let Some(failure) = failure.or_else(|| recorded.failures.pop_front()) {
            return Err(EventError { sink: self.to_string(), source: failure.into() });
        }
        recorded.changes.extend_from_slice(changes);
        Ok(())
    }
}

impl fmt::Display for RecordedChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("recorded changes")
    }
}
