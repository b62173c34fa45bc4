use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::auth::{Caller, TokenKind};
use crate::authorization::WriteRight;
use crate::clock::timestamp;
use crate::concurrency::detached;
use crate::domain::packument::{Packument, StagedVersion};
use crate::domain::publication::Publication;
use crate::domain::{PackageName, StageId};
use crate::error::{NewPackageError, PackageError};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::packages::commit::{Before, PackumentDecision, nothing_more};
use crate::packages::provenance::Attestations;
use crate::packages::publish::{person, release_of};
use crate::randomness::random_bytes;
use crate::storage::{Key, When};

use super::StageRecord;

impl Packages {
    pub(crate) async fn stage(&self, caller: &Caller, publication: Publication) -> Result<StageId, Error> {
        let (packages, caller) = (self.with_access_snapshot(), caller.without_two_factor());
        let right = packages.authorization.require_staging(&caller, &publication.name)?;
        detached(async move { packages.stage_here(&caller, right, publication).await }).await
    }

    async fn stage_here(
        &self,
        caller: &Caller,
        right: WriteRight,
        publication: Publication,
    ) -> Result<StageId, Error> {
        let name = publication.name.clone();
        self.proxy().require_hosted_here(&name)?;
        self.require_known_origins(&publication)?;
        let attestations = self.verify_provenance(&publication).await?;
        let id = StageId::from_random(random_bytes(self.parts.randomness.as_ref()));
        let owner = person(&right.principal);
        let record = StageRecord {
            package: name.clone(),
            version: publication.version.clone(),
            release: Some(
                release_of(&publication, &owner, caller.limits.as_deref())
                    .attested(attestations.as_ref().map(|attestations| &attestations.recorded)),
            ),
            attestations: attestations.as_ref().map(Attestations::staged),
        };
        let limits = caller.limits.as_deref();
        let restricted = publication.restricted && self.authorization.is_public(&name);
        let staged = StagedVersion {
            id,
            tag: publication.tag.clone(),
            created: timestamp(self.parts.clock.now()),
            actor: owner.name.clone(),
            automated: limits.is_some_and(|limits| limits.kind == TokenKind::TrustedPublishing),
            shasum: publication.shasum().to_owned(),
            integrity: publication.integrity.clone(),
            unpublished: false,
        };
        let event = EventKind::Staged {
            id,
            version: publication.version.clone(),
            tag: publication.tag.clone(),
            integrity: publication.integrity.to_string(),
        };
        let is_stored = Arc::new(AtomicBool::new(false));
        let (packages, stored, version) = (self.clone(), Arc::clone(&is_stored), publication.version.clone());
        let publisher = caller.clone();
        let store: Before = Box::new(move |exists| {
            Box::pin(async move {
                if !exists {
                    packages.proxy().require_free_name(&publisher, &publication.name).await?;
                }
                stored.store(true, Ordering::Relaxed);
                let outcome = packages.store_staged(id, &record, &publication).await;
                if outcome.is_err() {
                    packages.forget_staged(id, &publication.name).await;
                }
                outcome
            })
        });
        let decide = move |packument: &mut Packument<'_>| {
            if packument.has_only_staged() {
                // As for a publish, the answer cannot hide that the name is taken.
                right.require_ownership_of_name(packument)?;
            } else {
                right.require_ownership(packument)?;
            }
            packument.require_free(&version)?;
            if packument.is_new() && packument.maintainers.is_empty() {
                packument.maintainers = vec![owner.clone()];
                packument.protection.restricted |= restricted;
            }
            packument.staged.insert(version.to_string(), staged.clone());
            Ok(PackumentDecision::Commit(()))
        };
        let events = move |(): &()| [event.clone()];
        match self.change_after(caller, &name, Some(store), decide, events, nothing_more).await {
            Ok(_) => {
                self.parts.hosted_check.set_hosted(&name);
                Ok(id)
            }
            Err(error) => {
                let lost = matches!(
                    error,
                    Error::Package(PackageError::VersionTaken { .. } | PackageError::VersionStaged { .. })
                        | Error::NewPackage(NewPackageError::NameInOtherCapitals { .. })
                );
                if is_stored.load(Ordering::Relaxed) && lost {
                    self.forget_staged(id, &name).await;
                }
                Err(error)
            }
        }
    }

    /// Stores everything but the version number, which the packument reserves. The data has no effect before that.
    async fn store_staged(
        &self,
        id: StageId,
        record: &StageRecord,
        publication: &Publication,
    ) -> Result<(), Error> {
        let store = &self.parts.store;
        let _ = store.put(&Key::StageTarball(id).path()?, publication.tarball.clone(), When::Always).await?;
        self.store_stage_record(id, record).await?;
        let marker = Key::StagedOf(&publication.name, id).path()?;
        let _ = store.put(&marker, Vec::new().into(), When::Always).await?;
        Ok(())
    }

    /// Removes the data of a staged version whose number was not reserved. Leftovers cannot be reached.
    pub(super) async fn forget_staged(&self, id: StageId, name: &PackageName) {
        for key in [Key::StagedOf(name, id), Key::Stage(id), Key::StageTarball(id)] {
            self.remove_staged_blob(&key).await;
        }
    }
}
