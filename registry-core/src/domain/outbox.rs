use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event that a document keeps, in the same commit as the change that it tells of, until the change feed has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The id of the event, unique over all documents.
    pub id: String,
    /// A number of the change feed from before the commit: the event can only stand after it.
    pub after: u64,
    /// The event, as sinks get it.
    pub event: Box<RawValue>,
}
