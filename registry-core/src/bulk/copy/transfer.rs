use bytes::Bytes;
use sha2::{Digest as _, Sha512};

use crate::bulk::streams::{WHOLE, is_content_addressed, store_stream};
use crate::bulk::{BulkError, BulkMode};
use crate::domain::PackageName;
use crate::storage::{BlobPath, ListedBlob, StoredPath, When};

use super::copying::Copying;
use super::pass::Pass;
use super::{CopyOutcome, packument_paths};

impl Copying {
    /// Copies an object; `None` if the source does not have it any more.
    pub(super) async fn copy(
        &self,
        path: &BlobPath,
        from: &ListedBlob,
        to: Option<&ListedBlob>,
    ) -> Result<Option<CopyOutcome>, BulkError> {
        let has_length = to.is_some_and(|to| to.length == from.length);
        let is_old = self.options.since.is_some_and(|since| from.last_modified < since);
        if has_length && (is_old || is_content_addressed(path)) {
            return Ok(Some(CopyOutcome::Unchanged));
        }
        if Pass::of(path) == Some(Pass::Tarballs) && from.length > WHOLE {
            self.copy_stream(path).await
        } else {
            self.copy_whole(path, to).await
        }
    }

    pub(super) async fn copy_whole(
        &self,
        path: &BlobPath,
        to: Option<&ListedBlob>,
    ) -> Result<Option<CopyOutcome>, BulkError> {
        let failed = || BulkError::of_object(path);
        let Some(blob) = self.from.get(path).await.map_err(failed())? else { return Ok(None) };
        if published_digest(path).is_some() {
            check_digest(path, &Sha512::digest(&blob.bytes))?;
        }
        self.note_unlisted(path, &blob.bytes);
        if to.is_some() {
            let known = self.to.get(path).await.map_err(failed())?;
            if let Some(known) = known {
                if known.bytes == blob.bytes {
                    return Ok(Some(CopyOutcome::Unchanged));
                }
                Self::refuse_unreadable(path, &known.bytes, &blob.bytes)?;
            }
        }
        if self.options.mode == BulkMode::DryRun {
            return Ok(Some(CopyOutcome::Copied));
        }
        if let Some(name) = spelled(path, &blob.bytes) {
            self.copy_packument_of(&name).await?;
        }
        self.put(path, &blob.bytes).await?;
        Ok(Some(CopyOutcome::Copied))
    }

    /// Writes an object to the copy, and reads it back.
    pub(super) async fn put(&self, path: &BlobPath, bytes: &Bytes) -> Result<(), BulkError> {
        let failed = || BulkError::of_object(path);
        let stored = self.to.put(path, bytes.clone(), When::Always).await;
        let _ = stored.inspect_err(|error| self.note_failed_write(error)).map_err(failed())?;
        let written = self.to.get(path).await.map_err(failed())?;
        if written.is_some_and(|written| written.bytes == *bytes) {
            Ok(())
        } else {
            Err(BulkError::Differs { path: path.clone() })
        }
    }

    /// Copies the packument of a package that was first published after the packuments were listed: without it, the entry of
    /// its spelling would say that it is lost.
    async fn copy_packument_of(&self, name: &PackageName) -> Result<(), BulkError> {
        for path in packument_paths(name)? {
            let failed = || BulkError::of_object(&path);
            if self.to.open(&path, None).await.map_err(failed())?.is_none() {
                // Not without end: a packument records no spelling.
                Box::pin(self.copy_whole(&path, None)).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn copy_stream(&self, path: &BlobPath) -> Result<Option<CopyOutcome>, BulkError> {
        let failed = || BulkError::of_object(path);
        let Some(blob) = self.from.open(path, None).await.map_err(failed())? else { return Ok(None) };
        if self.options.mode == BulkMode::DryRun {
            return Ok(Some(CopyOutcome::Copied));
        }
        let stored = store_stream(self.to.as_ref(), path, blob, check_digest).await;
        let is_there = stored.inspect_err(|error| {
            if let BulkError::Object { source, .. } = error {
                self.note_failed_write(source);
            }
        })?;
        if is_there { Ok(Some(CopyOutcome::Copied)) } else { Err(BulkError::Differs { path: path.clone() }) }
    }
}

/// Returns the package whose spelling an object records.
pub(super) fn spelled(path: &BlobPath, bytes: &[u8]) -> Option<PackageName> {
    let StoredPath::Spelling = StoredPath::of(path) else { return None };
    PackageName::parse(std::str::from_utf8(bytes).ok()?.lines().next()?).ok()
}

/// Returns the beginning of the SHA-512 that was published, which is in the path of a hosted tarball.
fn published_digest(path: &BlobPath) -> Option<&str> {
    let StoredPath::Tarball { file, .. } = StoredPath::of(path) else { return None };
    if file.is_plain { None } else { path.as_str().rsplit('/').nth(1) }
}

fn check_digest(path: &BlobPath, digest: &[u8]) -> Result<(), BulkError> {
    match published_digest(path) {
        Some(published) if const_hex::encode(&digest[..16]) != published => {
            Err(BulkError::Damaged { path: path.clone() })
        }
        _ => Ok(()),
    }
}
