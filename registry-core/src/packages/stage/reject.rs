use crate::Error;
use crate::accounts::whoami;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::StageId;
use crate::domain::packument::Packument;
use crate::error::StageError;
use crate::events::EventKind;
use crate::packages::Packages;
use crate::packages::commit::{CommittedChange, PackumentDecision};

use super::{Fate, hide};

impl Packages {
    pub(crate) async fn reject_stage(&self, caller: &Caller, id: StageId) -> Result<(), Error> {
        whoami(caller)?;
        let (packages, caller) = (self.with_access_snapshot(), caller.clone());
        detached(async move { packages.reject_here(&caller, id).await.map_err(hide(&caller, id)) }).await
    }

    async fn reject_here(&self, caller: &Caller, id: StageId) -> Result<(), Error> {
        let record = self.stage_record(id).await?;
        let right = self.authorization.require_approval(caller, &record.package)?;
        if let Fate::Approved = self.fate_of(caller, id, &record, &right).await? {
            return Err(Error::Stage(StageError::Approved { name: record.package, version: record.version }));
        }
        let caller = self.accounts().require_two_factor(caller).await?;
        if record.release.is_none() {
            return Ok(());
        }
        let version = record.version.clone();
        let decide = move |packument: &mut Packument<'_>| {
            right.require_ownership(packument)?;
            let publisher = match Fate::of(packument, &version, id) {
                Fate::Waiting(staged) => staged.actor,
                Fate::Unpublished | Fate::Gone => return Ok(PackumentDecision::Keep(None)),
                Fate::Approved => {
                    return Err(Error::Stage(StageError::Approved {
                        name: packument.name.clone(),
                        version: version.clone(),
                    }));
                }
            };
            packument.staged.shift_remove(version.as_str());
            if packument.is_new() && packument.staged.is_empty() {
                // The publisher of the first version owns the package.
                packument.maintainers.clear();
            }
            Ok(PackumentDecision::Commit(Some(EventKind::StageRejected {
                id,
                version: version.clone(),
                publisher,
            })))
        };
        let name = record.package.clone();
        let then = async move |change: CommittedChange<Option<EventKind>>| {
            change.packages.close_stage(id, &record).await;
        };
        self.change_and_then(&caller, &name, decide, Option::clone, then).await.map(drop)
    }
}
