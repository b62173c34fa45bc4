use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use registry_core::events::{Event, EventError, EventSink};

/// Keeps every event that it is given. Clones share what they keep.
///
/// ```
/// use registry_core::events::{Event, EventKind, EventSink};
/// use registry_testkit::RecordedEvents;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let events = RecordedEvents::default();
/// let event = Event::new(chrono::DateTime::UNIX_EPOCH, EventKind::LoggedIn);
/// events.deliver(&[event.clone()]).await.unwrap();
/// assert_eq!(events.kinds(), r#"{"kind":"logged-in"}"#);
/// assert_eq!(events.take(), [event]);
/// assert_eq!(events.take(), []);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordedEvents(Arc<Mutex<Vec<Event>>>);

impl RecordedEvents {
    /// The events so far, oldest first, which are then forgotten.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What happened so far, oldest first, each as a line of JSON without time, place and person: for snapshots.
    pub fn kinds(&self) -> String {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |event: &Event| serde_json::json!(event.kind).to_string();
        events.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[async_trait]
impl EventSink for RecordedEvents {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(())
    }
}

impl fmt::Display for RecordedEvents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("recorded events")
    }
}
