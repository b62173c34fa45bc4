use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::catalog::Standing;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::domain::packument::{Packument, Revision};
use crate::domain::search::SearchEntry;
use crate::search::Search;
use crate::storage::{Edit, Step};

use super::index::View;
use super::index_writer::write_contents;
use super::shard::{Contents, Indexed, SHARDS, shard_of};

/// How long a search waits for the first build of the index.
const FIRST_BUILD: Duration = Duration::from_secs(1);
/// How long after a failed attempt the next one may run.
const PAUSE: Duration = Duration::from_secs(30);
/// How many packuments are read concurrently. Each may take many megabytes.
const READERS: usize = 8;

/// The comparison of the index with the packages. One at a time runs in this process.
#[derive(Debug, Default)]
pub(super) struct Reindex {
    running: Arc<tokio::sync::Mutex<()>>,
    failed: Mutex<Option<DateTime<Utc>>>,
}

/// Why the index is compared with the packages.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// It may have become too old.
    IsDue,
    /// The operator wants it.
    Requested,
}

impl Search {
    /// Returns the index, complete unless the first search of a large store did not wait for the rest.
    pub(super) async fn complete_index(&self) -> Result<Arc<View>, Error> {
        self.enter_left_over();
        let view = self.look_at_index().await?;
        if view.rebuilt().is_none() {
            self.begin_reindex();
            let running = self.parts.search.reindex.running.lock();
            if tokio::time::timeout(FIRST_BUILD, running).await.is_ok() {
                return self.look_at_index().await;
            }
        } else if self.is_too_old(view.rebuilt()) {
            self.begin_reindex();
        }
        Ok(view)
    }

    fn is_too_old(&self, rebuilt: Option<DateTime<Utc>>) -> bool {
        rebuilt.is_none_or(|rebuilt| self.has_passed(rebuilt, self.parts.search.settings.rebuild_after))
    }

    fn has_passed(&self, since: DateTime<Utc>, time: Duration) -> bool {
        // A clock that was set back yields a negative time, which does not count.
        (self.parts.clock.now() - since).to_std().is_ok_and(|passed| passed >= time)
    }

    /// Starts a comparison of the index with the packages, unless one is running or just failed.
    fn begin_reindex(&self) {
        let reindex = &self.parts.search.reindex;
        let failed = *reindex.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| !self.has_passed(failed, PAUSE)) {
            return;
        }
        let Ok(running) = Arc::clone(&reindex.running).try_lock_owned() else { return };
        let search = self.clone();
        tokio::spawn(async move {
            let reindexed = search.reindex_all(Reason::IsDue).await;
            if let Err(error) = &reindexed {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "could not compare the search index with the packages");
            }
            let failed = reindexed.is_err().then(|| search.parts.clock.now());
            *search.parts.search.reindex.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
            drop(running);
        });
    }

    /// Compares the index with the packages now, however recent it is.
    pub(crate) async fn rebuild_index(&self) -> Result<(), Error> {
        let _running = self.parts.search.reindex.running.lock().await;
        self.reindex_all(Reason::Requested).await
    }

    async fn reindex_all(&self, reason: Reason) -> Result<(), Error> {
        let begun = self.parts.clock.now();
        let mut names: Vec<BTreeSet<PackageName>> = vec![BTreeSet::new(); SHARDS.into()];
        for name in self.catalog().list_packages().await? {
            names[usize::from(shard_of(&name))].insert(name);
        }
        // A store that is not mounted lists nothing, and an index built from it would call every name public.
        self.parts.store.confirm_absence().await?;
        for (shard, names) in (0..SHARDS).zip(names) {
            self.reindex_shard(shard, names, begun, reason).await?;
        }
        Ok(())
    }

    /// Rebuilds a shard. Each packument is read after the shard, so its state is at least as new; if another process
    /// changes the shard in the meantime, only the packages that it changed are read again.
    async fn reindex_shard(
        &self,
        shard: u8,
        listed: BTreeSet<PackageName>,
        begun: DateTime<Utc>,
        reason: Reason,
    ) -> Result<(), Error> {
        let mut edit = ReindexShard { search: self, shard, listed, begun, reason, checked: BTreeMap::new() };
        self.update_shard(shard, &mut edit).await
    }

    /// Returns the index entry of a package; `None` if there is no package.
    async fn index_entry(&self, name: &PackageName) -> Result<Option<Arc<Indexed>>, Error> {
        let Some(stored) = self.catalog().read_packument(name).await? else {
            return match self.catalog().standing(name).await {
                Ok(Standing::Free) => Ok(None),
                // The name of a lost package, or of one that is about to begin, is private.
                Ok(Standing::Begun | Standing::Stored) | Err(Error::Damaged(_)) => {
                    Ok(Some(Arc::new(Indexed::new(name.clone(), Revision::default(), None))))
                }
                Err(error) => Err(error),
            };
        };
        let (json, package) = (stored.blob.bytes, name.clone());
        let read = compute(json.len(), move || {
            let packument = Packument::parse(&package, &json)?;
            Ok::<_, Error>((packument.revision.clone(), SearchEntry::of(&packument)))
        });
        let (revision, entry) = read.await?.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, %name, "the packument is damaged, so searches do not find the package");
            (Revision::default(), None)
        });
        Ok(Some(Arc::new(Indexed::new(name.clone(), revision, entry))))
    }
}

/// Rebuilds a shard from the packages `listed`. An earlier attempt that was stored leaves a shard that is recent
/// enough.
struct ReindexShard<'a> {
    search: &'a Search,
    shard: u8,
    listed: BTreeSet<PackageName>,
    begun: DateTime<Utc>,
    reason: Reason,
    checked: BTreeMap<PackageName, (Option<Revision>, Option<Arc<Indexed>>)>,
}

impl Edit for ReindexShard<'_> {
    type Outcome = Option<Contents>;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;
    const PATIENCE: Duration = Duration::from_mins(10);

    async fn attempt(&mut self, attempts: &[Option<Contents>]) -> Result<Step<Option<Contents>>, Error> {
        let search = self.search;
        let base = search.read_shard(self.shard).await?;
        let is_done = match self.reason {
            Reason::IsDue => !search.is_too_old(base.contents.rebuilt),
            // Not by comparing times: the clock of a process that rebuilt it earlier may be ahead.
            Reason::Requested => !attempts.is_empty() && base.contents.rebuilt == Some(self.begun),
        };
        if is_done {
            // Another process rebuilt the shard, or an earlier attempt was stored.
            return Ok(Step::Done(None));
        }
        let revision_of =
            |name: &PackageName| base.contents.packages.get(name).map(|indexed| indexed.revision.clone());
        let names: BTreeSet<_> = self.listed.iter().chain(base.contents.packages.keys()).cloned().collect();
        let unchecked = names.into_iter().filter_map(|name| {
            let revision = revision_of(&name);
            let is_checked = self.checked.get(&name).is_some_and(|(seen, _)| *seen == revision);
            (!is_checked).then_some((name, revision))
        });
        let unchecked: Vec<_> = unchecked.collect();
        let reads = unchecked.into_iter().map(|(name, revision)| async move {
            let indexed = search.index_entry(&name).await?;
            Ok::<_, Error>((name, (revision, indexed)))
        });
        let reads: Vec<_> = stream::iter(reads).buffer_unordered(READERS).try_collect().await?;
        self.checked.extend(reads);
        let packages = self.checked.iter().filter_map(|(name, (_, indexed))| {
            indexed.as_ref().map(|indexed| (name.clone(), Arc::clone(indexed)))
        });
        let contents = Contents { rebuilt: Some(self.begun), packages: packages.collect() };
        write_contents(&base, contents).await
    }
}
