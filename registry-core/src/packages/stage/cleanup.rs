use crate::Error;
use crate::domain::StageId;
use crate::packages::Packages;
use crate::storage::Key;

use super::StageRecord;

impl Packages {
    /// Takes away what is of no use any more once somebody decided. What stays is out of reach, since the packument says
    /// what became of the version.
    pub(super) async fn close_stage(&self, id: StageId, record: &StageRecord) {
        let closed = StageRecord { release: None, ..record.clone() };
        if let Err(error) = self.store_stage_record(id, &closed).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%id, error, "the record of a staged version stays in the store though it is decided on");
            return;
        }
        for key in [Key::StageTarball(id), Key::StagedOf(&record.package, id)] {
            self.remove_staged_blob(&key).await;
        }
    }

    pub(super) async fn remove_staged_blob(&self, key: &Key<'_>) {
        let removed = async {
            let path = key.path()?;
            Ok::<_, Error>(self.parts.store.delete(&path).await?)
        };
        if let Err(error) = removed.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(?key, error, "what is left of a staged version stays in the store");
        }
    }
}
