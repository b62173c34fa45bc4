//! Changes the list of blocked versions. A commit of the list contains its events, as a commit of a package does.

mod edit;

use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::authorization::Authorization;
use crate::changes::{ChangedDocument, Changes, CommittedChanges};
use crate::clock::Clock;
use crate::domain::{PackageName, Version};
use crate::policy::{
    BlockChange, BlockedVersions, Policies, RecallCause, RecallRequest, RecallSettings, WithdrawnVersions,
};
use crate::randomness::Randomness;
use crate::storage::{Key, Storage};

use edit::{Changed, EditList};

/// The most versions of a package that one withdrawal recalls.
const MOST_AT_ONCE: usize = 100;

/// Blocks and recalls versions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blocking {
    parts: Arc<BlockingParts>,
    authorization: Authorization,
}

/// What [`Blocking`] works with.
pub(crate) struct BlockingParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) changes: Changes,
    pub(crate) policies: Arc<Policies>,
    pub(crate) settings: RecallSettings,
}

impl Blocking {
    pub(crate) fn new(parts: &Arc<BlockingParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    /// Changes the list on behalf of a caller whose rights were checked. Returns the entry that was set or removed.
    pub(crate) async fn change(
        &self,
        caller: &Caller,
        change: BlockChange,
    ) -> Result<BlockedVersions, Error> {
        let changed = self.change_all(caller, &[change]).await?.into_iter().next();
        changed.ok_or_else(|| Error::internal("a change of the list of blocked versions changed nothing"))
    }

    /// Recalls versions that are not recalled, without a request: because an upstream withdrew them, or because of an
    /// advisory. Returns those that were recalled. The list keeps room for administrators.
    pub(crate) async fn recall_without_request(
        &self,
        name: &PackageName,
        versions: &[Version],
        cause: &RecallCause,
        reason: &str,
    ) -> Result<Vec<Version>, Error> {
        let now = self.parts.clock.now();
        let entry = |version: &Version| {
            let request = RecallRequest::new(name.clone(), version.clone(), reason);
            Ok(BlockChange::RecallIfNew(request.into_entry(cause.clone(), None, now)?))
        };
        let changes = versions.iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let recalled = self.change_all(&Caller::anonymous(), &changes).await?;
        Ok(recalled.iter().filter_map(|entry| Version::parse(&entry.versions).ok()).collect())
    }

    /// Recalls versions that an upstream withdrew, if the settings say so. A failure is logged: the upstream's document does
    /// not list them, so they are not served either way.
    pub(crate) async fn recall_withdrawn(&self, upstream: &str, name: &PackageName, versions: &[Version]) {
        if self.parts.settings.withdrawn != WithdrawnVersions::Recall || versions.is_empty() {
            return;
        }
        if versions.len() > MOST_AT_ONCE {
            tracing::warn!(
                package = %name, upstream, versions = versions.len(),
                "an upstream withdrew so many versions of a package that none of them is recalled: block the package, if it is not a mistake"
            );
            return;
        }
        let (cause, reason) =
            (RecallCause::Withdrawal(upstream.to_owned()), format!("the upstream {upstream} withdrew it"));
        if let Err(error) = self.recall_without_request(name, versions, &cause, &reason).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(package = %name, upstream, error, "cannot recall versions that an upstream withdrew");
        }
    }

    async fn change_all(
        &self,
        caller: &Caller,
        changes: &[BlockChange],
    ) -> Result<Vec<BlockedVersions>, Error> {
        self.parts.policies.require_block_list()?;
        self.authorization.require_room_for_events().await?;
        let path = Key::BlockedVersions.path()?;
        let mut edit = EditList { blocking: self, caller, path: &path, changes, markers: Vec::new() };
        let updated = self.parts.store.update(&path, &mut edit).await;
        // A write that was not answered may have happened.
        self.parts.policies.forget_list();
        let updated = updated.inspect_err(|_| self.parts.changes.abandon(&edit.markers))?;
        let Changed { entries, events, outbox } = updated.outcome;
        let document = ChangedDocument::BlockedVersions;
        let committed = CommittedChanges { document, events, outbox, markers: edit.markers };
        self.parts.changes.committed(self.authorization.events(), committed);
        Ok(entries)
    }
}
