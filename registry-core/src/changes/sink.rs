use std::fmt::{Debug, Display};

use async_trait::async_trait;
use serde_json::value::RawValue;

use crate::events::EventError;

/// A change, as sinks get it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeliveredChange {
    /// Its number in the change feed, the same for all replicas and sinks; 0 for an event of the kind `indexed`, which
    /// is not in the feed.
    pub seq: u64,
    /// The id of the event. A sink that gets the same id twice got the same change twice.
    pub id: String,
    /// The event, as JSON: see [`Event`](crate::events::Event).
    pub event: Box<RawValue>,
}

/// Why a sink will never accept a change. As the source of an [`EventError`] for that change alone, it lets the delivery give
/// the change up at once, where it would retry any other error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NeverAccepted(String);

impl NeverAccepted {
    /// The reason, for the log and for operators.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Why a receiver refuses a change, where it may accept others: it understood the request, and answered no. As the source of
/// an [`EventError`] for that change alone, it lets the delivery go on with the changes of other packages, where any other
/// error holds up all of them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChangeRefused(String);

impl ChangeRefused {
    /// The reason, for the log and for operators.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A consumer of the change feed: changes of packages and organizations that no crash loses.
///
/// # Contract
///
/// - Each change is delivered at least once. Changes of one package arrive in their order; one that arrives again after
///   later ones is a repetition, which its id tells.
/// - A batch that fails is delivered again after a pause, whole or one by one, by this or another replica. A change that
///   fails alone with [`NeverAccepted`] is given up. One that fails alone with [`ChangeRefused`] is retried on its own, and holds
///   up its package alone.
/// - One replica at a time delivers to a sink of one name, off the request path: a slow sink delays no client and no
///   other sink.
#[async_trait]
pub trait ChangeSink: Debug + Display + Send + Sync + 'static {
    /// Accepts changes, oldest first; never an empty slice.
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError>;
}
