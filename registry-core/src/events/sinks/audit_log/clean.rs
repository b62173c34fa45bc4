use chrono::NaiveDate;
use futures::TryStreamExt as _;

use super::read::{day_of, days};
use crate::events::AuditLogError;
use crate::storage::{BlobStore, Key};

/// Removes all days before `day` from the audit log, and returns the number of removed batches. Several processes may
/// do so concurrently.
pub async fn remove_audit_log_before(store: &dyn BlobStore, day: NaiveDate) -> Result<usize, AuditLogError> {
    let mut removed = 0;
    for old in days(store).await? {
        if day_of(&old).is_none_or(|old| old >= day) {
            continue;
        }
        let mut batches = store.list(&Key::audit_log_of(Some(&old))?);
        while let Some(batch) = batches.try_next().await? {
            store.delete(&batch.path).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
