mod clean;
mod read;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::events::{Event, EventError, EventSink};
use crate::randomness::{Randomness, random_bytes};
use crate::storage::{BlobError, BlobPath, BlobStore, Key, PutOutcome, When};
use crate::vocabulary::BoxError;

pub use clean::remove_audit_log_before;
pub use read::{AuditLogError, AuditRecord, AuditSpan, read_audit_log};

/// Appends every event to the store, below `_log/`, as one line of JSON: kind, time, principal, address, and the
/// decision of the access rules. Read it with [`read_audit_log`].
///
/// - A batch is one new object, durable when it is accepted. Objects are never changed, so any number of processes
///   may write concurrently. The next batch gathers while one is written, so a busy registry writes few objects.
/// - A batch that is delivered again after a failure is stored once, even if the store had it and only the answer was
///   lost.
/// - Events that wait in the [`EventQueue`](crate::events::EventQueue) are lost when the process is killed: those of
///   the last moments, or since the store became unavailable.
///   [`Registry::flush_events`](crate::Registry::flush_events) waits until none is left; call it before a process
///   ends or is frozen, as cloud functions are.
///
/// ```
/// use std::sync::Arc;
/// use futures::TryStreamExt as _;
/// use registry_core::{Registry, auth::Caller, domain::PackageName};
/// use registry_core::access::AccessRules;
/// use registry_core::storage::{BlobStore, ObjectStoreBlobs};
/// use registry_core::events::{AuditSpan, read_audit_log};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store: Arc<dyn BlobStore> = Arc::new(ObjectStoreBlobs::in_memory());
/// let registry = Registry::builder(Arc::clone(&store)).audit_log();
/// let registry = registry.access(AccessRules::compile(&[])?).build();
/// let pear = PackageName::parse("pear")?;
/// assert!(registry.owners(&Caller::anonymous(), &pear).await.is_err());
/// registry.flush_events().await;
/// let records: Vec<_> = read_audit_log(store, AuditSpan::default()).try_collect().await?;
/// assert_eq!(records[0].fields["kind"], "denied");
/// assert_eq!(records[0].fields["access"]["verdict"], "denied");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AuditLog {
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The time in the last batch's name, so that names never go backwards.
    last: DateTime<Utc>,
    /// The batch that failed, and where it may be stored nevertheless.
    unfinished: Option<Named>,
}

/// A batch and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    path: BlobPath,
    lines: Bytes,
}

impl AuditLog {
    /// Appends to the log in `store`.
    pub fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { store, clock, randomness, state: Mutex::default() }
    }

    /// Returns the path of a batch: its previous one for a retry, else one after all others.
    fn name(&self, events: &[Event], lines: Bytes) -> Result<Named, BoxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unfinished) = state.unfinished.take_if(|unfinished| unfinished.lines == lines) {
            return Ok(unfinished);
        }
        state.last = self.clock.now().max(state.last + TimeDelta::microseconds(1));
        let first = events.iter().map(|event| event.time.timestamp_millis()).min().unwrap_or_default();
        let id = const_hex::encode(random_bytes::<6>(&*self.randomness));
        let name = format!("{}-{first}-{id}", state.last.format("%H%M%S%6f"));
        let path = Key::AuditLog(&state.last.format("%Y/%m/%d").to_string(), &name).path()?;
        Ok(Named { path, lines })
    }

    async fn append(&self, named: &Named) -> Result<(), BlobError> {
        let Named { path, lines } = named;
        match self.store.put(path, lines.clone(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok(()),
            // Stored by an earlier attempt whose answer was lost. A collision of two 48-bit random numbers in the
            // same microsecond is an error instead, which the next attempt avoids.
            PutOutcome::Conflict if self.store.get(path).await?.is_some_and(|blob| blob.bytes == *lines) => {
                Ok(())
            }
            PutOutcome::Conflict => Err(BlobError::Refused {
                store: self.store.to_string(),
                path: path.to_string(),
                source: "another process wrote under the same name".into(),
            }),
        }
    }

    fn failed(&self, source: impl Into<BoxError>) -> EventError {
        EventError { sink: self.to_string(), source: source.into() }
    }
}

#[async_trait]
impl EventSink for AuditLog {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        let lines = to_lines(events).map_err(|error| self.failed(error))?;
        let named = self.name(events, lines.into()).map_err(|error| self.failed(error))?;
        let appended = self.append(&named).await;
        if let Err(error) = &appended {
            let may_be_there = matches!(error, BlobError::Unavailable { .. });
            let unfinished = may_be_there.then_some(named);
            self.state.lock().unwrap_or_else(PoisonError::into_inner).unfinished = unfinished;
        }
        appended.map_err(|error| self.failed(error))
    }
}

fn to_lines(events: &[Event]) -> serde_json::Result<Vec<u8>> {
    let mut lines = Vec::with_capacity(events.len() * 256);
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

impl fmt::Display for AuditLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "audit log in {}", self.store)
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuditLog")
            .field("store", &format_args!("{}", self.store))
            .finish_non_exhaustive()
    }
}
