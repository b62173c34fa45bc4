//! What happened, told to whoever wants to know.
//!
//! Every change, denial and login becomes one [`Event`]. Events leave the request path through an
//! [`EventQueue`] and reach an [`EventSink`] in batches, in the order in which they happened in this process.
//!
//! ```
//! use registry_core::events::{Event, EventKind};
//! use chrono::DateTime;
//! let event = Event {
//!     time: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
//!     principal: Some("ana".into()),
//!     trust: None,
//!     via: None,
//!     address: None,
//!     package: None,
//!     kind: EventKind::LoggedIn,
//!     access: None,
//!     count: None,
//! };
//! let json = serde_json::to_string(&event).unwrap();
//! assert_eq!(json, r#"{"time":"2023-11-14T22:13:20Z","principal":"ana","kind":"logged-in"}"#);
//! ```

#[cfg(test)]
mod captured_log;
mod event;
mod kind_names;
mod queue;
mod sinks;

use std::fmt::{Debug, Display};

use async_trait::async_trait;

use crate::vocabulary::BoxError;

pub use crate::vocabulary::Via;
pub use event::{Event, EventKind, RuleDecision};
pub use queue::EventQueue;
pub use sinks::{
    AuditLog, AuditLogError, AuditRecord, AuditSpan, FanOut, LogEvents, read_audit_log,
    remove_audit_log_before,
};

/// Why a sink did not take a batch. The batch is offered again, whole, after a pause.
#[derive(Debug, thiserror::Error)]
#[error("{sink} did not take the events")]
pub struct EventError {
    /// The sink, as it displays itself.
    pub sink: String,
    /// What went wrong.
    #[source]
    pub source: BoxError,
}

/// Is told what happened.
///
/// # Contract
///
/// - A batch is taken whole or not at all. A batch answered with an error comes again, so a sink may see an
///   event twice. Of what callers changed, it never sees a later event of this process before an earlier one; what they
///   were denied may come later than it happened.
/// - Batches come one after the other, never at once, off the request path: a slow sink delays no client.
/// - Events hold no secrets.
#[async_trait]
pub trait EventSink: Debug + Display + Send + Sync + 'static {
    /// Takes a batch, oldest event first; never an empty one.
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError>;
}
