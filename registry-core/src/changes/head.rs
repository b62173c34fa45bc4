use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::BoxError;
use crate::storage::{BlobETag, BlobPath, Key};

use super::entries::FeedEntry;

/// How many changes a segment holds.
pub(super) const SEGMENT: u64 = 128;

/// The end of the feed, as it is stored: the latest changes, until a full segment is moved out of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    /// The number of the oldest change that is kept.
    pub(super) first: u64,
    /// The number of the next change.
    pub(super) next: u64,
    /// The latest changes, up to `next`. Begins with the first change of a segment.
    pub(super) tail: Vec<FeedEntry>,
}

/// A head and its state in the store.
#[derive(Debug, Default)]
pub(super) struct StoredHead {
    pub(super) head: Head,
    /// `None` if the feed has not begun.
    pub(super) etag: Option<BlobETag>,
}

impl Default for Head {
    fn default() -> Self {
        Self { first: 1, next: 1, tail: Vec::new() }
    }
}

impl Head {
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        let head: Self = serde_json::from_slice(json).map_err(damaged)?;
        let is_sound = head.tail_start() % SEGMENT == 1 && head.first <= head.next;
        if is_sound { Ok(head) } else { Err(damaged("the numbers in the head of the change feed disagree")) }
    }

    /// The number of the latest change; 0 if there is none.
    pub(super) fn position(&self) -> u64 {
        self.next - 1
    }

    /// The number of the first change in the tail.
    pub(super) fn tail_start(&self) -> u64 {
        self.next.saturating_sub(self.tail.len() as u64)
    }

    /// Returns the changes of the tail after `since`.
    pub(super) fn tail_after(&self, since: u64) -> &[FeedEntry] {
        let skipped = usize::try_from((since + 1).saturating_sub(self.tail_start())).unwrap_or(usize::MAX);
        self.tail.get(skipped..).unwrap_or_default()
    }
}

/// Returns the number of the segment of a change.
pub(super) fn segment_of(seq: u64) -> u64 {
    (seq - 1) / SEGMENT
}

pub(super) fn segment_path(segment: u64) -> Result<BlobPath, Error> {
    Ok(Key::ChangeSegment(segment).path()?)
}

pub(super) fn damaged(reason: impl Into<BoxError>) -> Error {
    Error::Damaged(reason.into())
}
