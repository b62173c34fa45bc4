use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;

use crate::Error;
use crate::concurrency::compute;
use crate::domain::StageId;
use crate::domain::packument::Packument;
use crate::packages::Packages;
use crate::storage::{BlobPath, Key, ListedBlob};

use super::record::StageRecord;
use super::{Fate, StageError};

/// The blobs of one staged version. They follow each other in a listing.
#[derive(Default)]
struct Group {
    blobs: Vec<ListedBlob>,
}

/// What is to be done with the blobs of a staged version.
enum Verdict {
    /// It is waiting, or it is not certain that it is not.
    Keep,
    /// It was decided: only its identity stays.
    Close(StageRecord),
    /// It was rejected, or never completed.
    Forget(StageRecord),
    /// Its record says that it was decided, or is gone.
    RemoveTarball,
}

impl Packages {
    /// Deletes what was left of staged versions that were decided, or never completed, before `before`. Returns the number
    /// of blobs.
    pub(crate) async fn sweep_stages(&self, before: DateTime<Utc>, dry_run: bool) -> Result<u64, Error> {
        let mut swept = 0;
        let (mut group, mut current) = (Group::default(), None);
        let mut listed = self.parts.store.list(&Key::stages()?);
        while let Some(blob) = listed.try_next().await? {
            let id = id_of(&blob.path);
            if id != current {
                swept += self.sweep_stage(current, std::mem::take(&mut group), before, dry_run).await?;
                current = id;
            }
            group.blobs.push(blob);
        }
        swept += self.sweep_stage(current, group, before, dry_run).await?;
        Ok(swept + self.sweep_stage_markers(before, dry_run).await?)
    }

    async fn sweep_stage(
        &self,
        id: Option<StageId>,
        group: Group,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<u64, Error> {
        let is_old = group.blobs.iter().all(|blob| blob.last_modified < before);
        let Some(id) = id.filter(|_| is_old) else { return Ok(0) };
        let has = |end: &str| group.blobs.iter().any(|blob| blob.path.as_str().ends_with(end));
        let (has_record, has_tarball) = (has(".json"), has(".tgz"));
        let verdict = self.stage_verdict(id, has_record).await?;
        let tarballs = u64::from(has_tarball);
        let count = match &verdict {
            Verdict::Keep => 0,
            Verdict::Close(_) | Verdict::RemoveTarball => tarballs,
            Verdict::Forget(_) => tarballs + u64::from(has_record),
        };
        if !dry_run {
            match verdict {
                Verdict::Close(record) => self.close_stage(id, &record).await,
                Verdict::Forget(record) => self.forget_staged(id, &record.package).await,
                Verdict::RemoveTarball if has_tarball => {
                    self.remove_staged_blob(&Key::StageTarball(id)).await;
                }
                Verdict::RemoveTarball | Verdict::Keep => {}
            }
        }
        Ok(count)
    }

    async fn stage_verdict(&self, id: StageId, has_record: bool) -> Result<Verdict, Error> {
        let record = match self.stage_record(id).await {
            Ok(record) => record,
            Err(Error::Stage(StageError::NotFound { .. })) if !has_record => {
                return Ok(Verdict::RemoveTarball);
            }
            Err(Error::Stage(StageError::NotFound { .. })) => return Ok(Verdict::Keep),
            Err(Error::Damaged(error)) => {
                tracing::warn!(%id, error = &*error, "the record of a staged version cannot be read, so it stays");
                return Ok(Verdict::Keep);
            }
            Err(error) => return Err(error),
        };
        if record.release.is_none() {
            return Ok(Verdict::RemoveTarball);
        }
        let catalog = self.catalog();
        let found = self.parts.store.or_proven_absent(catalog.read_packument(&record.package).await?).await?;
        let Some(index) = found else {
            let is_certain = catalog.was_never_stored(&record.package).await?;
            return Ok(if is_certain { Verdict::Forget(record) } else { Verdict::Keep });
        };
        let (name, version) = (record.package.clone(), record.version.clone());
        let fate = compute(index.blob.bytes.len(), move || {
            Packument::parse(&name, &index.blob.bytes).map(|packument| Fate::of(&packument, &version, id))
        });
        Ok(match fate.await? {
            // What a damaged packument says is not known.
            Err(_) | Ok(Fate::Waiting(_)) => Verdict::Keep,
            Ok(Fate::Approved | Fate::Unpublished) => Verdict::Close(record),
            Ok(Fate::Gone) => Verdict::Forget(record),
        })
    }

    /// Deletes markers of staged versions that were decided, or are gone.
    async fn sweep_stage_markers(&self, before: DateTime<Utc>, dry_run: bool) -> Result<u64, Error> {
        let mut swept = 0;
        let mut listed = self.parts.store.list(&Key::staged_of()?);
        while let Some(marker) = listed.try_next().await? {
            let id = marker.path.as_str().rsplit('/').next().and_then(|id| id.parse().ok());
            let Some(id) = id.filter(|_| marker.last_modified < before) else { continue };
            let is_over = match self.stage_record(id).await {
                Ok(record) => record.release.is_none(),
                Err(Error::Stage(StageError::NotFound { .. })) => true,
                Err(Error::Damaged(_)) => false,
                Err(error) => return Err(error),
            };
            if is_over {
                swept += 1;
                if !dry_run {
                    self.parts.store.delete(&marker.path).await?;
                }
            }
        }
        Ok(swept)
    }
}

fn id_of(path: &BlobPath) -> Option<StageId> {
    path.as_str().rsplit('/').next()?.split('.').next()?.parse().ok()
}
