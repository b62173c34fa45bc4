//! Events, delivered to a sink.
//!
//! Every change, denial and login becomes one [`Event`]. Events leave the request path through an [`EventQueue`] and
//! reach an [`EventSink`] in batches, in the order in which they happened in this process.
//!
//! ```
//! use registry_core::events::{Event, EventKind};
//! use chrono::DateTime;
//! let mut event = Event::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap(), EventKind::LoggedIn);
//! event.principal = Some("ana".into());
//! let json = serde_json::to_string(&event).unwrap();
//! assert_eq!(json, r#"{"time":"2023-11-14T22:13:20Z","principal":"ana","kind":"logged-in"}"#);
//! ```

#[cfg(test)]
mod captured_log;
mod details;
mod event;
mod kind_names;
mod queue;
mod recent_ids;
mod rule_decision;
mod sinks;
mod subject;

use std::fmt::{Debug, Display};

use async_trait::async_trait;

use crate::vocabulary::BoxError;

pub use crate::vocabulary::{OrganizationAction, Via};
pub use details::{CredentialRejection, DeniedAction, DeniedBy, SecondFactorMode, WebLoginRejection};
pub use event::{Event, EventKind};
pub use queue::EventQueue;
pub(crate) use recent_ids::RecentIds;
pub use rule_decision::RuleDecision;
pub use sinks::{
    AuditLog, AuditLogError, AuditRecord, AuditSpan, FanOut, LogEvents, read_audit_log,
    remove_audit_log_before,
};

/// Why a sink did not accept a batch. The whole batch is delivered again after a pause.
#[derive(Debug, thiserror::Error)]
#[error("{sink} did not accept the events")]
pub struct EventError {
    /// The sink, as it displays itself.
    pub sink: String,
    /// What went wrong.
    #[source]
    pub source: BoxError,
}

/// A consumer of events.
///
/// # Contract
///
/// - A batch is accepted whole or not at all. A batch that failed is delivered again, so a sink may see an event
///   twice. It never sees changes of this process out of order; denials may arrive late.
/// - Batches are delivered one at a time, off the request path: a slow sink delays no client.
/// - Events contain no secrets.
#[async_trait]
pub trait EventSink: Debug + Display + Send + Sync + 'static {
    /// Accepts a batch, oldest event first; never an empty one.
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError>;
}
