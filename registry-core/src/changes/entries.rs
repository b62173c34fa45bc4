use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Error;
use crate::domain::OutboxEntry;
use crate::events::Event;

/// More than an entry of an outbox needs beside its event.
const ENTRY_BYTES: usize = 64;

/// A change in the feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FeedEntry {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) event: Box<RawValue>,
}

/// The part of an event that says when it happened.
#[derive(Deserialize)]
struct Timed {
    time: DateTime<Utc>,
}

/// The part of an event that says what it is about.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    organization: Option<String>,
}

impl FeedEntry {
    /// Returns the package or the organization whose changes stay in order. Empty for an event that names neither.
    pub(super) fn subject(&self) -> String {
        let about = serde_json::from_str(self.event.get()).ok();
        about.and_then(|About { package, organization }| package.or(organization)).unwrap_or_default()
    }

    /// Returns when the change happened.
    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        serde_json::from_str(self.event.get()).ok().map(|Timed { time }| time)
    }
}

/// Gives the events of one commit their ids, and returns them as an outbox keeps them. `commit` is random, and `after`
/// is where the change feed ended before the commit.
pub(super) fn outbox_entries(
    events: &mut [Event],
    commit: [u8; 16],
    after: u64,
) -> Result<Vec<OutboxEntry>, Error> {
    let commit = const_hex::encode(commit);
    let entry = |(number, event): (usize, &mut Event)| {
        let id = if number == 0 { commit.clone() } else { format!("{commit}-{number}") };
        event.id = Some(id.clone());
        let event = serde_json::value::to_raw_value(event).map_err(Error::internal)?;
        Ok(OutboxEntry { id, after, event })
    };
    events.iter_mut().enumerate().map(entry).collect()
}

/// Returns how many bytes an outbox adds to its document, roughly.
pub(crate) fn outbox_bytes(outbox: &[OutboxEntry]) -> usize {
    outbox.iter().map(|entry| entry.event.get().len() + entry.id.len() + ENTRY_BYTES).sum()
}
