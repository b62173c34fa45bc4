use crate::Error;
use crate::auth::Caller;
use crate::changes::{ChangedDocument, LARGE_OUTBOX, OutboxMarker};
use crate::domain::{OutboxEntry, Version};
use crate::events::{Event, EventKind};
use crate::policy::{BlockChange, BlockRecord, BlockedVersions};
use crate::randomness::random_bytes;
use crate::storage::{BlobPath, Edit, Step};

use super::Blocking;

/// A change of the list.
pub(super) struct EditList<'a> {
    pub(super) blocking: &'a Blocking,
    pub(super) caller: &'a Caller,
    pub(super) path: &'a BlobPath,
    pub(super) changes: &'a [BlockChange],
    /// The markers of all attempts.
    pub(super) markers: Vec<OutboxMarker>,
}

/// What a change did.
pub(super) struct Changed {
    pub(super) entries: Vec<BlockedVersions>,
    pub(super) events: Vec<Event>,
    pub(super) outbox: Vec<OutboxEntry>,
}

impl Edit for EditList<'_> {
    type Outcome = Changed;
    type Error = Error;

    async fn attempt(&mut self, _: &[Changed]) -> Result<Step<Changed>, Error> {
        let parts = &self.blocking.parts;
        let found = parts.store.get_proven(self.path).await?;
        let mut record = BlockRecord::read(found.as_ref())?;
        let now = parts.clock.now();
        let (mut entries, mut events) = (Vec::new(), Vec::new());
        for change in self.changes {
            let Some(entry) = record.apply(change, now)? else { continue };
            let kind = kind_of(change, &entry)?;
            events.push(self.blocking.authorization.event(self.caller, Some(&entry.package), kind));
            entries.push(entry);
        }
        if entries.is_empty() {
            return Ok(Step::Done(Changed { entries, events, outbox: record.outbox }));
        }
        if let Some(after) = parts.changes.position().await? {
            if record.outbox.len() > LARGE_OUTBOX {
                parts.changes.look_up_relayed(&record.outbox).await?;
            }
            let commit = random_bytes::<16>(parts.randomness.as_ref());
            parts.changes.enter(&mut record.outbox, &mut events, commit, after)?;
        }
        let bytes = record.write()?;
        let document = ChangedDocument::BlockedVersions;
        self.markers.extend(parts.changes.mark(&document, &events, &record.outbox).await?);
        let base = found.map(|blob| blob.etag);
        Ok(Step::Write { bytes, base, outcome: Changed { entries, events, outbox: record.outbox } })
    }
}

fn kind_of(change: &BlockChange, entry: &BlockedVersions) -> Result<EventKind, Error> {
    let version = || Version::parse(&entry.versions).map_err(Error::internal);
    Ok(match (change, &entry.recalled) {
        (BlockChange::UndoRecall(..), _) => EventKind::RecallUndone { version: version()? },
        (BlockChange::Unblock(..), _) => EventKind::VersionsUnblocked { versions: entry.versions.clone() },
        (BlockChange::Block(_) | BlockChange::RecallIfNew(_), Some(cause)) => {
            EventKind::Recalled { version: version()?, reason: entry.reason.clone(), cause: cause.clone() }
        }
        (BlockChange::Block(_) | BlockChange::RecallIfNew(_), None) => EventKind::VersionsBlocked {
            versions: entry.versions.clone(),
            reason: entry.reason.clone(),
            until: entry.until,
        },
    })
}
