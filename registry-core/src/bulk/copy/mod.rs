//! Copies a storage to another one, object by object.
//!
//! The order makes a copy consistent even if servers write to the source meanwhile: what is written there first is copied last,
//! so that whatever a copied object relies on is copied after it. A packument relies on its tarballs and on the entry of its
//! spelling, and events in it on their markers or on the change feed. Most tarballs are copied before all else, those that came
//! in between at the end. The marker of the store comes last, so a copy that was stopped is no registry.

mod pairs;
mod record;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::ready;
use futures::stream;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha512};

use crate::domain::PackageName;
use crate::storage::{
    BlobError, BlobPath, BlobPrefix, BlobStore, ByteStream, Key, ListedBlob, StoredPath, When,
};

use super::hashing::{Hashed, WHOLE, complete, digest, hashing, is_content_addressed};
use super::{BulkError, BulkMode, BulkStream, CONCURRENCY};
use pairs::{Pair, pairs};
use record::{CopyRecord, read_record, write_record};

const NO_MARKER: &str = "the source has no marker _registry.json: start the server on it once, which creates one, or finish \
                         the copy that it is";
/// The folder with the entries of spellings.
const SPELLINGS: &str = "_spellings/";

/// How a storage is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Objects that were last written before then, and that the copy has in the same length, are not read again.
    pub since: Option<DateTime<Utc>>,
    /// Whether to overwrite a finished copy that was written to since.
    pub even_if_used: bool,
    /// Whether to write.
    pub mode: BulkMode,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { since: None, even_if_used: false, mode: BulkMode::Apply }
    }
}

/// An object of the source or of the copy, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopiedObject {
    /// Its path.
    pub path: BlobPath,
    /// Its length in bytes, as listed.
    pub bytes: u64,
    /// What became of it.
    pub outcome: CopyOutcome,
}

/// What became of an object that was to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyOutcome {
    /// The copy has it now.
    Copied,
    /// The copy had it already.
    Unchanged,
    /// The source does not have it any more, so it was deleted from the copy.
    Deleted,
}

/// Makes `to` a copy of `from`, or brings a copy up to date. Ends early, with an error, where that would lose something.
pub fn copy_storage(
    from: Arc<dyn BlobStore>,
    to: Arc<dyn BlobStore>,
    options: CopyOptions,
) -> BulkStream<CopiedObject> {
    let begin = async move {
        match Copying::begin(from, to, options).await {
            Ok(copying) => Arc::new(copying).run(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(begin).flatten().boxed()
}

/// Fails if [`copy_storage`] would refuse the source. Writes nothing, so that a caller may ask before it opens the target.
pub async fn check_copy_source(from: &dyn BlobStore) -> Result<(), BulkError> {
    identify(from).await.map(drop)
}

fn refused(reason: &str) -> BulkError {
    BulkError::NoCopy { reason: reason.to_owned() }
}

/// Returns the marker of the source, and the record of an unfinished copy of it.
async fn identify(from: &dyn BlobStore) -> Result<(Bytes, CopyRecord), BulkError> {
    let marker = path(Key::Marker)?;
    let found = from.get(&marker).await.map_err(BulkError::of_object(&marker))?;
    let marker = found.ok_or_else(|| refused(NO_MARKER))?.bytes;
    let record = CopyRecord::of_marker(&marker)
        .ok_or_else(|| refused("the marker _registry.json of the source cannot be read"))?;
    if read_record(from).await?.is_some_and(|(record, _)| !record.is_finished) {
        return Err(refused("the source is itself a copy that did not come to its end: finish it first"));
    }
    Ok((marker, record))
}

/// What a pass over the source copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Tarballs,
    Packuments,
    /// With the packuments that came in between.
    Spellings,
    Outboxes,
    Documents,
    /// With the deletion of what the source no longer has.
    LateTarballs,
}

impl Pass {
    const ALL: [Self; 6] = [
        Self::Tarballs,
        Self::Packuments,
        Self::Spellings,
        Self::Outboxes,
        Self::Documents,
        Self::LateTarballs,
    ];

    /// Returns the pass that copies an object.
    fn of(path: &BlobPath) -> Self {
        let path = path.as_str();
        if path.strip_suffix(".tgz").is_some() {
            Self::Tarballs
        } else if !path.starts_with('_') {
            Self::Packuments
        } else if path.starts_with(SPELLINGS) {
            Self::Spellings
        } else if path.starts_with("_outbox/") {
            Self::Outboxes
        } else {
            Self::Documents
        }
    }
}

struct Copying {
    from: Arc<dyn BlobStore>,
    to: Arc<dyn BlobStore>,
    options: CopyOptions,
    record: CopyRecord,
    marker: Bytes,
    has_failed: AtomicBool,
    /// The tarballs that the first pass failed to copy.
    failed: Mutex<HashSet<BlobPath>>,
}

impl Copying {
    async fn begin(
        from: Arc<dyn BlobStore>,
        to: Arc<dyn BlobStore>,
        options: CopyOptions,
    ) -> Result<Self, BulkError> {
        let (marker, record) = identify(from.as_ref()).await?;
        let known = read_record(to.as_ref()).await?;
        let when = if known.is_some() { When::Always } else { When::Absent };
        match known {
            Some((known, _)) if known.registry != record.registry => {
                return Err(refused("the target is a copy of another registry: copy to an empty one"));
            }
            Some((known, written)) if known.is_finished && !options.even_if_used => {
                if let Some(newer) = newer_than(to.as_ref(), written).await? {
                    return Err(BulkError::CopyWasUsed { path: newer });
                }
            }
            None if !is_empty(to.as_ref()).await? => {
                return Err(refused(
                    "the target is not empty, and no copy of the source: copy to an empty one",
                ));
            }
            Some(_) | None => {}
        }
        if options.mode == BulkMode::Apply && !write_record(to.as_ref(), &record, when).await? {
            return Err(refused("another copy to the target began: run the command again when it has ended"));
        }
        Ok(Self {
            from,
            to,
            options,
            record,
            marker,
            has_failed: AtomicBool::new(false),
            failed: Mutex::default(),
        })
    }

    fn run(self: Arc<Self>) -> BulkStream<CopiedObject> {
        let end = Arc::clone(&self);
        // A pass lists the stores when the one before has ended.
        stream::iter(Pass::ALL)
            .then(move |pass| ready(Arc::clone(&self).pass(pass)))
            .flatten()
            .chain(stream::once(async move { end.finish().await }).filter_map(ready))
            .boxed()
    }

    fn pass(self: Arc<Self>, pass: Pass) -> BulkStream<CopiedObject> {
        let (copying, failing) = (Arc::clone(&self), Arc::clone(&self));
        pairs(self.from.as_ref(), self.to.as_ref())
            .map(move |pair| {
                let copying = Arc::clone(&copying);
                async move { copying.treat(pass, pair?).await }.boxed()
            })
            .buffered(CONCURRENCY)
            .filter_map(|treated| ready(treated.transpose()))
            .inspect_err(move |_| failing.has_failed.store(true, Ordering::Relaxed))
            .boxed()
    }

    async fn treat(&self, pass: Pass, pair: Pair) -> Result<Option<CopiedObject>, BulkError> {
        let Pair { path, from, to } = pair;
        if is_of_the_store_itself(&path) {
            return Ok(None);
        }
        let is_tarball = path.as_str().strip_suffix(".tgz").is_some();
        let belongs_to = Pass::of(&path);
        let is_due = belongs_to == pass || (belongs_to == Pass::Tarballs && pass == Pass::LateTarballs);
        let treated = match (from, to) {
            // A dry run would find again what it did not copy.
            (Some(_), _) if pass == Pass::LateTarballs && self.options.mode == BulkMode::DryRun => None,
            (Some(from), to) if is_due => {
                if pass == Pass::LateTarballs && self.failed().contains(&path) {
                    return Ok(None);
                }
                let copied = self.copy(&path, is_tarball, &from, to.as_ref()).await;
                if copied.is_err() {
                    self.failed().insert(path.clone());
                }
                copied?.map(|outcome| (from.length, outcome))
            }
            (None, Some(to)) if pass == Pass::LateTarballs => {
                self.delete(&path).await?.then_some((to.length, CopyOutcome::Deleted))
            }
            _ => None,
        };
        // What the first pass copied is unchanged in the last.
        let treated =
            treated.filter(|(_, outcome)| pass != Pass::LateTarballs || *outcome != CopyOutcome::Unchanged);
        Ok(treated.map(|(bytes, outcome)| CopiedObject { path, bytes, outcome }))
    }

    fn failed(&self) -> MutexGuard<'_, HashSet<BlobPath>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies an object; `None` if the source does not have it any more.
    async fn copy(
        &self,
        path: &BlobPath,
        is_tarball: bool,
        from: &ListedBlob,
        to: Option<&ListedBlob>,
    ) -> Result<Option<CopyOutcome>, BulkError> {
        let has_length = to.is_some_and(|to| to.length == from.length);
        let is_old = self.options.since.is_some_and(|since| from.last_modified < since);
        if has_length && (is_old || is_content_addressed(path)) {
            return Ok(Some(CopyOutcome::Unchanged));
        }
        if is_tarball && from.length > WHOLE {
            self.copy_stream(path).await
        } else {
            self.copy_whole(path, to).await
        }
    }

    async fn copy_whole(
        &self,
        path: &BlobPath,
        to: Option<&ListedBlob>,
    ) -> Result<Option<CopyOutcome>, BulkError> {
        let failed = || BulkError::of_object(path);
        let Some(blob) = self.from.get(path).await.map_err(failed())? else { return Ok(None) };
        check_digest(path, &Sha512::digest(&blob.bytes))?;
        if to.is_some() {
            let known = self.to.get(path).await.map_err(failed())?;
            if known.is_some_and(|known| known.bytes == blob.bytes) {
                return Ok(Some(CopyOutcome::Unchanged));
            }
        }
        if self.options.mode == BulkMode::DryRun {
            return Ok(Some(CopyOutcome::Copied));
        }
        if let Some(name) = spelled(path, &blob.bytes) {
            self.copy_packument_of(&name).await?;
        }
        let _ = self.to.put(path, blob.bytes.clone(), When::Always).await.map_err(failed())?;
        let written = self.to.get(path).await.map_err(failed())?;
        if written.is_some_and(|written| written.bytes == blob.bytes) {
            Ok(Some(CopyOutcome::Copied))
        } else {
            Err(BulkError::Differs { path: path.clone() })
        }
    }

    /// Copies the packument of a package that was first published after the packuments were listed: without it, the entry of
    /// its spelling would say that it is lost.
    async fn copy_packument_of(&self, name: &PackageName) -> Result<(), BulkError> {
        for key in [Key::Packument(name), Key::PlainPackument(name)] {
            let path = path(key)?;
            let failed = || BulkError::of_object(&path);
            if self.to.open(&path, None).await.map_err(failed())?.is_none()
                && let Some(blob) = self.from.get(&path).await.map_err(failed())?
            {
                let _ = self.to.put(&path, blob.bytes, When::Always).await.map_err(failed())?;
            }
        }
        Ok(())
    }

    async fn copy_stream(&self, path: &BlobPath) -> Result<Option<CopyOutcome>, BulkError> {
        let failed = || BulkError::of_object(path);
        let Some(blob) = self.from.open(path, None).await.map_err(failed())? else { return Ok(None) };
        if self.options.mode == BulkMode::DryRun {
            return Ok(Some(CopyOutcome::Copied));
        }
        let before = Hashed::default();
        let bytes = complete(path, blob.length, hashing(blob.stream, &before), &before);
        self.to.put_stream(path, verified(path, bytes, &before)).await.map_err(failed())?;
        let Some(written) = self.to.open(path, None).await.map_err(failed())? else {
            return Err(BulkError::Differs { path: path.clone() });
        };
        let after = Hashed::default();
        hashing(written.stream, &after).try_for_each(|_| ready(Ok(()))).await.map_err(failed())?;
        if digest(&before) == digest(&after) {
            Ok(Some(CopyOutcome::Copied))
        } else {
            Err(BulkError::Differs { path: path.clone() })
        }
    }

    /// Deletes from the copy what the source proves not to have. Returns whether it did, or would.
    async fn delete(&self, path: &BlobPath) -> Result<bool, BulkError> {
        let failed = || BulkError::of_object(path);
        if self.from.open(path, None).await.map_err(failed())?.is_some() {
            return Ok(false);
        }
        self.check_source().await?;
        if self.options.mode == BulkMode::Apply {
            self.to.delete(path).await.map_err(failed())?;
        }
        Ok(true)
    }

    /// Fails if the source is not the one that the copy began with: a folder that is no longer mounted lists nothing.
    async fn check_source(&self) -> Result<(), BulkError> {
        let marker = path(Key::Marker)?;
        let found = self.from.get(&marker).await.map_err(BulkError::of_object(&marker))?;
        let record = found.and_then(|found| CopyRecord::of_marker(&found.bytes));
        if record.is_some_and(|record| record.registry == self.record.registry) {
            return Ok(());
        }
        Err(refused(
            "the source is another one than at the beginning: mount it again, and run the command again",
        ))
    }

    async fn finish(&self) -> Option<Result<CopiedObject, BulkError>> {
        if self.options.mode == BulkMode::DryRun || self.has_failed.load(Ordering::Relaxed) {
            return None;
        }
        self.try_finish().await.err().map(Err)
    }

    async fn try_finish(&self) -> Result<(), BulkError> {
        self.check_source().await?;
        let marker = path(Key::Marker)?;
        let stored = self.to.put(&marker, self.marker.clone(), When::Always).await;
        let _ = stored.map_err(BulkError::of_object(&marker))?;
        let record = CopyRecord { is_finished: true, ..self.record.clone() };
        write_record(self.to.as_ref(), &record, When::Always).await.map(drop)
    }
}

/// Whether an object says something about a store, and nothing about the registry in it.
fn is_of_the_store_itself(path: &BlobPath) -> bool {
    let path = path.as_str();
    path == "_registry.json" || path == "_copy.json" || path.starts_with("_probe/")
}

/// Returns the package whose spelling an object records.
fn spelled(path: &BlobPath, bytes: &[u8]) -> Option<PackageName> {
    path.as_str().strip_prefix(SPELLINGS)?;
    PackageName::parse(std::str::from_utf8(bytes).ok()?.lines().next()?).ok()
}

fn path(key: Key<'_>) -> Result<BlobPath, BulkError> {
    key.path().map_err(|error| BulkError::Packages(error.into()))
}

async fn is_empty(store: &dyn BlobStore) -> Result<bool, BulkError> {
    let mut listed = store.list(&BlobPrefix::ROOT);
    while let Some(blob) = listed.try_next().await.map_err(BulkError::Listing)? {
        if !blob.path.as_str().starts_with("_probe/") {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn newer_than(store: &dyn BlobStore, written: DateTime<Utc>) -> Result<Option<BlobPath>, BulkError> {
    let mut listed = store.list(&BlobPrefix::ROOT);
    while let Some(blob) = listed.try_next().await.map_err(BulkError::Listing)? {
        if blob.last_modified > written && !blob.path.as_str().starts_with("_probe/") {
            return Ok(Some(blob.path));
        }
    }
    Ok(None)
}

/// The path of a hosted tarball begins with the SHA-512 that was published.
fn check_digest(path: &BlobPath, digest: &[u8]) -> Result<(), BulkError> {
    let StoredPath::Tarball { file, .. } = StoredPath::of(path) else { return Ok(()) };
    if file.is_plain {
        return Ok(());
    }
    let published = path.as_str().rsplit('/').nth(1).unwrap_or_default();
    if const_hex::encode(&digest[..16]) == published {
        Ok(())
    } else {
        Err(BulkError::Damaged { path: path.clone() })
    }
}

/// Adds an error at the end of a stream of other bytes than were published, so that nothing of it is stored.
fn verified(path: &BlobPath, stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let (path, hashed) = (path.clone(), Arc::clone(hashed));
    let end = stream::once(async move {
        let error = check_digest(&path, &digest(&hashed)).err()?;
        Some(Err(BlobError::Stream { path: path.to_string(), source: error.into() }))
    });
    stream.chain(end.filter_map(ready)).boxed()
}
