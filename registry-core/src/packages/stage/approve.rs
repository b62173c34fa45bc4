use crate::Error;
use crate::accounts::whoami;
use crate::auth::Caller;
use crate::authorization::WriteRight;
use crate::clock::timestamp;
use crate::concurrency::{compute_elsewhere, detached};
use crate::domain::packument::{Packument, StagedVersion};
use crate::domain::publication::Release;
use crate::domain::{Integrity, PackageName, StageId, Version};
use crate::error::StageError;
use crate::events::EventKind;
use crate::packages::Packages;
use crate::packages::commit::{Before, CommittedChange, PackumentDecision};
use crate::packages::publish::person;
use crate::storage::{BlobStoreExt as _, Key};

use super::{Fate, StageRecord, hide};

impl Packages {
    pub(crate) async fn approve_stage(
        &self,
        caller: &Caller,
        id: StageId,
    ) -> Result<(PackageName, Version), Error> {
        whoami(caller)?;
        let (packages, caller) = (self.with_access_snapshot(), caller.clone());
        detached(async move { packages.approve_here(&caller, id).await.map_err(hide(&caller, id)) }).await
    }

    async fn approve_here(&self, caller: &Caller, id: StageId) -> Result<(PackageName, Version), Error> {
        let record = self.stage_record(id).await?;
        let right = self.authorization.require_approval(caller, &record.package)?;
        let fate = self.fate_of(caller, id, &record, &right).await?;
        to_publish(fate, id, &record)?;
        let caller = &self.accounts().require_two_factor(caller).await?;
        if let Some(release) = record.release.clone() {
            // A rule may have come since it was staged.
            let (name, version, staged) = (&record.package, &record.version, record.attestations.as_ref());
            self.verify_staged_provenance(name, version, &release.integrity, staged).await?;
            self.commit_approval(caller, id, right, &record, release).await?;
        }
        Ok((record.package, record.version))
    }

    async fn commit_approval(
        &self,
        caller: &Caller,
        id: StageId,
        right: WriteRight,
        record: &StageRecord,
        release: Release,
    ) -> Result<(), Error> {
        let (packages, looking, kept, reach) = (self.clone(), caller.clone(), record.clone(), right.clone());
        let integrity = release.integrity.clone();
        let signature = self.sign(&record.package, &record.version, &integrity).await?;
        let release = release.signed(signature.as_ref());
        let copy_tarball: Before = Box::new(move |_| {
            Box::pin(async move {
                if let Some(attestations) = &kept.attestations {
                    packages.store_staged_attestations(&kept.package, attestations).await?;
                }
                if packages.copy_staged_tarball(id, &kept, &integrity).await? {
                    return Ok(());
                }
                // A concurrent decision removed it, after the packument recorded that decision: the next lookup finds
                // it.
                if let Fate::Waiting(_) = packages.fate_of(&looking, id, &kept, &reach).await? {
                    let lost = format!("the tarball of the staged version {id} is not in the store");
                    return Err(Error::Damaged(lost.into()));
                }
                Ok(())
            })
        });
        let (packages, deciding) = (self.clone(), record.clone());
        let second_factor_shown = caller.second_factor_shown;
        let decide = move |packument: &mut Packument<'_>| {
            right.require_ownership(packument)?;
            let fate = Fate::of(packument, &deciding.version, id);
            let Some(StagedVersion { actor: publisher, .. }) = to_publish(fate, id, &deciding)? else {
                return Ok(PackumentDecision::Keep(None));
            };
            let approver = person(&right.principal);
            // A stolen token could approve what it staged.
            let is_seen_by_another = second_factor_shown || right.principal.name != publisher;
            packument.staged.shift_remove(deciding.version.as_str());
            packument.approved.insert(deciding.version.to_string(), id);
            let event = EventKind::StageApproved {
                id,
                version: release.version.clone(),
                tag: release.tag.clone(),
                integrity: release.integrity.to_string(),
                publisher: publisher.clone(),
            };
            let now = timestamp(packages.parts.clock.now());
            let release = release.clone();
            let release = if is_seen_by_another { release.approved_by(&approver) } else { release };
            packument.add_version(release, approver, &now)?;
            Ok(PackumentDecision::Commit(Some(event)))
        };
        let closing = record.clone();
        let then = async move |change: CommittedChange<Option<EventKind>>| {
            change.packages.close_stage(id, &closing).await;
        };
        let changed =
            self.change_after(caller, &record.package, Some(copy_tarball), decide, Option::clone, then);
        changed.await.map(drop)
    }

    /// Copies the tarball to its published path before the packument names it; returns whether there was one. The
    /// staged copy stays until the version is published, so that an interruption loses nothing.
    async fn copy_staged_tarball(
        &self,
        id: StageId,
        record: &StageRecord,
        integrity: &Integrity,
    ) -> Result<bool, Error> {
        let path = Key::Tarball(&record.package, &record.version, integrity).path()?;
        let Some(blob) = self.parts.store.get(&Key::StageTarball(id).path()?).await? else {
            return Ok(false);
        };
        let (bytes, expected) = (blob.bytes.clone(), integrity.clone());
        if !compute_elsewhere(move || expected.matches(&bytes)).await? {
            return Err(Error::Damaged(format!("the tarball of the staged version {id} has changed").into()));
        }
        self.parts.store.put_content_addressed(&path, blob.bytes).await?;
        Ok(true)
    }
}

/// Returns what an approval publishes; `None` if it is already published. Rejects a version that was unpublished, alone
/// or with its package.
fn to_publish(fate: Fate, id: StageId, record: &StageRecord) -> Result<Option<StagedVersion>, Error> {
    let (name, version) = (record.package.clone(), record.version.clone());
    match fate {
        Fate::Waiting(staged) if staged.unpublished => {
            Err(Error::Stage(StageError::StagedPackageUnpublished { name, version, id }))
        }
        Fate::Waiting(staged) => Ok(Some(staged)),
        Fate::Approved => Ok(None),
        Fate::Unpublished => Err(Error::Stage(StageError::ApprovedUnpublished { name, version })),
        Fate::Gone => Err(Error::Stage(StageError::NotFound { id })),
    }
}
