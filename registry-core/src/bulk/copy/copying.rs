use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::ready;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use crate::bulk::tarball_urls::package_of_packument;
use crate::bulk::{BulkError, BulkMode, BulkStream, CONCURRENCY};
use crate::domain::PackageName;
use crate::storage::{BlobError, BlobPath, BlobStore, CopyRecord, Key, ListedBlob, When};

use super::pairs::{Pair, pairs};
use super::pass::Pass;
use super::record::{is_empty, read_record, write_record, written_since_finished};
use super::{CopiedObject, CopyOptions, CopyOutcome, identify, path, refused};

/// A copy that has begun.
pub(super) struct Copying {
    pub(super) from: Arc<dyn BlobStore>,
    pub(super) to: Arc<dyn BlobStore>,
    pub(super) options: CopyOptions,
    record: CopyRecord,
    marker: Bytes,
    has_failed: AtomicBool,
    /// Whether the copy refused a write, as a full disk does, so that nothing more can be copied.
    is_over: AtomicBool,
    seen: Mutex<Seen>,
}

/// What one pass leaves to those that follow.
#[derive(Default)]
pub(super) struct Seen {
    /// The tarballs that the first pass failed to copy.
    failed: HashSet<BlobPath>,
    /// The packuments that were copied, as they were listed.
    packuments: HashMap<BlobPath, ListedBlob>,
    /// The packages that were written to while they were copied.
    pub(super) changed: BTreeSet<PackageName>,
    /// The hashes of the paths of all tarballs that the source or the copy lists: the paths would take much memory.
    tarballs: HashSet<u64>,
    hasher: RandomState,
    /// Tarballs that packuments name and that were not listed.
    pub(super) unlisted: BTreeSet<BlobPath>,
}

impl Seen {
    fn list_tarball(&mut self, path: &BlobPath) {
        let hash = self.hasher.hash_one(path);
        self.tarballs.insert(hash);
    }

    /// Remembers the tarballs that were not listed.
    pub(super) fn note_unlisted(&mut self, named: Vec<BlobPath>) {
        let Self { tarballs, hasher, unlisted, .. } = self;
        unlisted.extend(named.into_iter().filter(|path| !tarballs.contains(&hasher.hash_one(path))));
    }
}

impl Copying {
    pub(super) async fn begin(
        from: Arc<dyn BlobStore>,
        to: Arc<dyn BlobStore>,
        options: CopyOptions,
    ) -> Result<Self, BulkError> {
        let (marker, record) = identify(from.as_ref()).await?;
        let known = read_record(to.as_ref()).await?;
        let when = if known.is_some() { When::Always } else { When::Absent };
        match known {
            Some(known) if known.registry != record.registry => {
                return Err(refused("the target is a copy of another registry: copy to an empty one"));
            }
            Some(known) if known.is_finished && !options.even_if_used => {
                if let Some(newer) = written_since_finished(to.as_ref()).await? {
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
            is_over: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    pub(super) fn run(self: Arc<Self>) -> BulkStream<CopiedObject> {
        let [settling, searching, failing, end] = [(); 4].map(|()| Arc::clone(&self));
        // A pass lists the stores when the one before has ended.
        stream::iter(Pass::ALL)
            .then(move |pass| ready(Arc::clone(&self).pass(pass)))
            .flatten()
            .chain(stream::once(async move { settling.settle().await }).flat_map(stream::iter))
            .chain(stream::once(async move { searching.missing_tarballs().await }).flat_map(stream::iter))
            .inspect_err(move |error| failing.note_failure(error))
            .chain(stream::once(async move { end.finish().await }).filter_map(ready))
            .boxed()
    }

    fn pass(self: Arc<Self>, pass: Pass) -> BulkStream<CopiedObject> {
        let copying = Arc::clone(&self);
        pairs(self.from.as_ref(), self.to.as_ref())
            .map(move |pair| {
                let copying = Arc::clone(&copying);
                async move { copying.treat(pass, pair?).await }.boxed()
            })
            .buffered(CONCURRENCY)
            .filter_map(|treated| ready(treated.transpose()))
            .boxed()
    }

    /// A copy is finished without what it kept, because it is needed as it is where the source is damaged.
    fn note_failure(&self, error: &BulkError) {
        let is_kept = match error {
            BulkError::Unreadable { .. } | BulkError::Lost { .. } | BulkError::NoTarball { .. } => true,
            BulkError::Damaged { .. } => self.options.leave_out_damaged,
            _ => false,
        };
        if !is_kept {
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the copy after a write that the store refused: each further one would fail alike.
    pub(super) fn note_failed_write(&self, error: &BlobError) {
        if matches!(error, BlobError::Refused { .. }) {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares a packument with what was listed when it was copied.
    fn compare_packument(&self, listed: &ListedBlob) {
        let mut seen = self.seen();
        let copied = seen.packuments.remove(&listed.path);
        if copied.is_some_and(|copied| copied != *listed)
            && let Some(name) = package_of_packument(&listed.path)
        {
            seen.changed.insert(name);
        }
    }

    async fn treat(&self, pass: Pass, pair: Pair) -> Result<Option<CopiedObject>, BulkError> {
        let Pair { path, from, to } = pair;
        let Some(belongs_to) = Pass::of(&path).filter(|_| !self.is_over()) else { return Ok(None) };
        if pass == Pass::Tarballs && belongs_to == pass {
            self.seen().list_tarball(&path);
        }
        if pass == Pass::LateTarballs
            && let Some(from) = &from
        {
            self.compare_packument(from);
        }
        let is_due = belongs_to == pass || (belongs_to == Pass::Tarballs && pass == Pass::LateTarballs);
        let treated = match (from, to) {
            // A dry run would find again what it did not copy.
            (Some(_), _) if pass == Pass::LateTarballs && self.options.mode == BulkMode::DryRun => None,
            (Some(from), to) if is_due => {
                if pass == Pass::LateTarballs && self.seen().failed.contains(&path) {
                    return Ok(None);
                }
                let copied = self.copy(&path, &from, to.as_ref()).await;
                if copied.is_err() {
                    self.seen().failed.insert(path.clone());
                }
                let copied = copied?;
                if belongs_to == Pass::Packuments {
                    self.seen().packuments.insert(path.clone(), from.clone());
                }
                copied.map(|outcome| (from.length, outcome))
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

    /// Deletes from the copy what the source proves not to have. Returns whether it did, or would.
    async fn delete(&self, path: &BlobPath) -> Result<bool, BulkError> {
        let failed = || BulkError::of_object(path);
        if self.from.open(path, None).await.map_err(failed())?.is_some() {
            return Ok(false);
        }
        self.check_source().await?;
        if !self.may_delete(path).await? {
            return Ok(false);
        }
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
