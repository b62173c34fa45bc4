use crate::Error;
use crate::accounts::whoami;
use crate::auth::Caller;
use crate::domain::StageId;
use crate::error::StageError;
use crate::packages::Packages;
use crate::storage::{Key, OpenBlob};

use super::{Fate, StagedItem, hide};

impl Packages {
    pub(crate) async fn staged(&self, caller: &Caller, id: StageId) -> Result<StagedItem, Error> {
        whoami(caller)?;
        let record = self.stage_record(id).await?;
        let right = self.authorization.require_staging(caller, &record.package).map_err(hide(caller, id))?;
        let fate = self.fate_of(caller, id, &record, &right).await.map_err(hide(caller, id))?;
        let Fate::Waiting(staged) = fate else { return Err(Error::Stage(StageError::NotFound { id })) };
        let is_public = self.authorization.is_public(&record.package);
        Ok(StagedItem { name: record.package, version: record.version, staged, is_public })
    }

    pub(crate) async fn open_staged_tarball(&self, caller: &Caller, id: StageId) -> Result<OpenBlob, Error> {
        self.staged(caller, id).await?;
        let found = self.parts.store.open(&Key::StageTarball(id).path()?, None).await?;
        // Another caller decided between the two lookups.
        found.ok_or(Error::Stage(StageError::NotFound { id }))
    }
}
