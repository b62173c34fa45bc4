use serde::Serialize;

use crate::Error;
use crate::domain::PackageName;
use crate::error::RequestError;
use crate::events::{Event, EventKind};

use super::{Changes, Shared};

/// A change of the feed, as a caller may see it. Serializes with the field names of npm's replication feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// Its number in the feed, the same for all replicas.
    pub seq: u64,
    /// The package; absent for a change of an organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<PackageName>,
    /// The id of the commit, as a list of one.
    pub changes: Vec<ChangedRevision>,
    /// Whether the whole package was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What happened. Who did it, and from where, is only for callers who may administer the package.
    pub event: Event,
}

/// The id of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangedRevision {
    /// The id.
    pub rev: String,
}

/// A page of the change feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangePage {
    /// The changes that the caller may see, oldest first. May be empty although there are further ones.
    #[serde(rename = "results")]
    pub changes: Vec<Change>,
    /// The number up to which this page goes: where the next page begins.
    pub last_seq: u64,
    /// How many further changes there are.
    pub pending: u64,
}

/// A page of the feed before any access rule.
#[derive(Debug, Default)]
pub(crate) struct RawPage {
    pub(crate) changes: Vec<(u64, Event)>,
    pub(crate) last_seq: u64,
    pub(crate) pending: u64,
}

impl Change {
    pub(crate) fn new(seq: u64, event: Event) -> Self {
        let rev = event.id.clone().unwrap_or_default();
        Self {
            seq,
            id: event.package.clone(),
            changes: vec![ChangedRevision { rev }],
            deleted: matches!(event.kind, EventKind::PackageUnpublished { .. }),
            event,
        }
    }
}

impl Changes {
    /// Returns up to `limit` changes after `since`.
    pub(crate) async fn page(&self, since: u64, limit: usize) -> Result<RawPage, Error> {
        let Some(shared) = self.shared() else { return Err(Error::Request(RequestError::NoChangeFeed)) };
        shared.raw_page(since, limit).await
    }

    /// Returns the event of a change; `None` if the feed does not keep it, or a later version of the registry wrote it.
    #[cfg(feature = "hooks")]
    pub(crate) async fn event_at(&self, seq: u64) -> Result<Option<Event>, Error> {
        let (Some(shared), Some(since)) = (self.shared(), seq.checked_sub(1)) else { return Ok(None) };
        let page = shared.feed.page(since, 1).await?;
        let found = page.entries.into_iter().find(|entry| entry.seq == seq);
        Ok(found.and_then(|entry| serde_json::from_str(entry.event.get()).ok()))
    }

    /// Waits until the feed goes beyond `since`, as far as this process learns of it.
    pub(crate) async fn wait_beyond(&self, since: u64) {
        if let Some(shared) = self.shared() {
            let mut positions = shared.progress.positions();
            let mut streams_end = shared.streams_end.subscribe();
            tokio::select! {
                _ = positions.wait_for(|position| *position > since) => {}
                _ = streams_end.wait_for(|ended| *ended) => {}
            }
        }
    }

    /// Ends streams of changes, for a process that is about to end.
    pub(crate) fn end_streams(&self) {
        if let Some(shared) = self.shared() {
            shared.streams_end.send_replace(true);
        }
    }

    /// Whether streams of changes are to end.
    pub(crate) fn have_streams_ended(&self) -> bool {
        self.shared().is_none_or(|shared| *shared.streams_end.borrow())
    }
}

impl Shared {
    async fn raw_page(&self, since: u64, limit: usize) -> Result<RawPage, Error> {
        let page = self.feed.page(since, limit).await?;
        if since > page.position {
            return Err(Error::request(format!(
                "the change feed ends at {}, before {since}: read it from the beginning, with since=0",
                page.position
            )));
        }
        if since > 0 && since + 1 < page.first {
            return Err(Error::Request(RequestError::ChangesGone { since, first: page.first }));
        }
        let last_seq = page.entries.last().map_or(since.max(page.first - 1), |entry| entry.seq);
        let parse = |entry: super::entries::FeedEntry| {
            // An event of a later version of the registry, which another replica runs.
            serde_json::from_str(entry.event.get()).ok().map(|event| (entry.seq, event))
        };
        let changes = page.entries.into_iter().filter_map(parse).collect();
        Ok(RawPage { changes, last_seq, pending: page.position.saturating_sub(last_seq) })
    }
}
