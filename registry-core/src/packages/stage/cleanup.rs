use crate::Error;
use crate::domain::StageId;
use crate::packages::Packages;
use crate::storage::Key;

use super::StageRecord;

impl Packages {
    /// Removes data that a decision made obsolete. Leftovers cannot be reached, since the packument records the
    /// decision.
    pub(super) async fn close_stage(&self, id: StageId, record: &StageRecord) {
        let closed = StageRecord { release: None, attestations: None, ..record.clone() };
        if let Err(error) = self.store_stage_record(id, &closed).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%id, error, "could not close the record of a decided staged version");
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
            tracing::warn!(?key, error, "could not delete leftovers of a staged version");
        }
    }
}
