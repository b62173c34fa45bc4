use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::publication::Release;
use crate::domain::{PackageName, StageId, Version};
use crate::packages::Packages;
use crate::storage::{Key, When};

/// What is stored of a staged version under its id. What became of it, its packument says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StageRecord {
    pub(super) package: PackageName,
    pub(super) version: Version,
    /// What is to be published; nothing any more once somebody decided. The rest stays, so that a client who never heard
    /// the answer and asks again gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<Release>,
}

impl Packages {
    pub(super) async fn stage_record(&self, id: StageId) -> Result<StageRecord, Error> {
        let blob = self.parts.store.get(&Key::Stage(id).path()?).await?;
        let blob = self.parts.store.or_proven_absent(blob).await?.ok_or(Error::StageNotFound { id })?;
        serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(Box::new(error)))
    }

    pub(super) async fn store_stage_record(&self, id: StageId, record: &StageRecord) -> Result<(), Error> {
        let json = serde_json::to_vec(record).map_err(Error::internal)?;
        let _ = self.parts.store.put(&Key::Stage(id).path()?, json.into(), When::Always).await?;
        Ok(())
    }
}
