use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::publication::Release;
use crate::domain::{PackageName, StageId, Version};
use crate::error::StageError;
use crate::packages::Packages;
use crate::packages::provenance::StagedAttestations;
use crate::storage::{Key, When};

/// The stored record of a staged version, by its id. Its packument says what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StageRecord {
    pub(super) package: PackageName,
    pub(super) version: Version,
    /// The release to publish; `None` once a caller decided. The rest stays, so that a client who lost the answer and
    /// asks again gets the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<Release>,
    /// The attestations that the release names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attestations: Option<StagedAttestations>,
}

impl Packages {
    pub(super) async fn stage_record(&self, id: StageId) -> Result<StageRecord, Error> {
        let blob = self.parts.store.get(&Key::Stage(id).path()?).await?;
        let blob = self
            .parts
            .store
            .or_proven_absent(blob)
            .await?
            .ok_or(Error::Stage(StageError::NotFound { id }))?;
        serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(Box::new(error)))
    }

    pub(super) async fn store_stage_record(&self, id: StageId, record: &StageRecord) -> Result<(), Error> {
        let json = serde_json::to_vec(record).map_err(Error::internal)?;
        let _ = self.parts.store.put(&Key::Stage(id).path()?, json.into(), When::Always).await?;
        Ok(())
    }
}
