use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::bulk::streams::WHOLE;
use crate::bulk::{BulkError, BulkMode, CONCURRENCY};
use crate::domain::PackageName;
use crate::storage::BlobPath;

use super::copying::Copying;
use super::damage::named_tarballs;
use super::{CopiedObject, CopyOutcome, packument_paths};

/// How often a package is copied anew that is written to in the meantime.
const ATTEMPTS: usize = 8;

impl Copying {
    /// Copies the packages anew that were written to while they were copied, so that the packument of each names the tarballs
    /// that the copy has.
    pub(super) async fn settle(&self) -> Vec<Result<CopiedObject, BulkError>> {
        if self.options.mode == BulkMode::DryRun || self.is_over() {
            return Vec::new();
        }
        let settled = stream::iter(std::mem::take(&mut self.seen().changed)).map(|name| async move {
            let mut copied = Vec::new();
            let outcome = self.settle_package(&name, &mut copied).await;
            copied.into_iter().map(Ok).chain(outcome.err().map(Err)).collect::<Vec<_>>()
        });
        settled.buffered(CONCURRENCY).collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    async fn settle_package(
        &self,
        name: &PackageName,
        copied: &mut Vec<CopiedObject>,
    ) -> Result<(), BulkError> {
        let mut before = Bytes::new();
        for _ in 0..ATTEMPTS {
            let Some((path, bytes)) = self.packument_at_source(name).await? else { return Ok(()) };
            let named = named_tarballs(name, &path, &bytes)?;
            let mut is_whole = true;
            for tarball in named {
                is_whole &= self.add_tarball(&tarball, copied).await?;
            }
            // Where the packument stays as it is, the source itself lacks the tarball, which `verify` says.
            if is_whole || bytes == before {
                return self.put_packument(&path, &bytes, copied).await;
            }
            before = bytes;
        }
        let reason = format!("{name} was written to all the time: run the command again");
        Err(BulkError::NoCopy { reason })
    }

    /// Copies a tarball that the copy lacks. Returns whether the copy has it now.
    async fn add_tarball(
        &self,
        tarball: &BlobPath,
        copied: &mut Vec<CopiedObject>,
    ) -> Result<bool, BulkError> {
        let failed = || BulkError::of_object(tarball);
        if self.to.open(tarball, None).await.map_err(failed())?.is_some() {
            return Ok(true);
        }
        let Some(found) = self.from.open(tarball, None).await.map_err(failed())? else { return Ok(false) };
        let bytes = found.length;
        drop(found);
        let outcome = if bytes > WHOLE {
            self.copy_stream(tarball).await?
        } else {
            self.copy_whole(tarball, None).await?
        };
        copied.extend(outcome.map(|outcome| CopiedObject { path: tarball.clone(), bytes, outcome }));
        Ok(outcome.is_some())
    }

    async fn put_packument(
        &self,
        path: &BlobPath,
        bytes: &Bytes,
        copied: &mut Vec<CopiedObject>,
    ) -> Result<(), BulkError> {
        let known = self.to.get(path).await.map_err(BulkError::of_object(path))?;
        if known.is_some_and(|known| known.bytes == *bytes) {
            return Ok(());
        }
        self.put(path, bytes).await?;
        let (path, bytes) = (path.clone(), bytes.len() as u64);
        copied.push(CopiedObject { path, bytes, outcome: CopyOutcome::Copied });
        Ok(())
    }

    /// Returns the packument of a package at the source, and its path.
    pub(super) async fn packument_at_source(
        &self,
        name: &PackageName,
    ) -> Result<Option<(BlobPath, Bytes)>, BulkError> {
        for path in packument_paths(name)? {
            if let Some(blob) = self.from.get(&path).await.map_err(BulkError::of_object(&path))? {
                return Ok(Some((path, blob.bytes)));
            }
        }
        Ok(None)
    }
}
