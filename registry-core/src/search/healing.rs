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
use super::lane::write_contents;
use super::shard::{Contents, Indexed, SHARDS, shard_of};

/// For how long a search waits for the index to be made, where it never was.
const FIRST_BUILD: Duration = Duration::from_secs(5);
/// How long a failed attempt is not repeated.
const PAUSE: Duration = Duration::from_secs(30);
/// How many packuments are read at the same time. Each may take many megabytes.
const READERS: usize = 8;

/// The comparison of the index with the packages, of which one at a time runs in this process.
#[derive(Debug, Default)]
pub(super) struct Healing {
    running: Arc<tokio::sync::Mutex<()>>,
    failed: Mutex<Option<DateTime<Utc>>>,
}

impl Search {
    /// The index, in which nothing is missing but what the first search of a large store did not wait for.
    pub(super) async fn healed_index(&self) -> Result<Arc<View>, Error> {
        self.enter_left_over();
        let view = self.look_at_index().await?;
        if view.rebuilt().is_none() {
            self.begin_healing();
            let running = self.parts.search.healing.running.lock();
            if tokio::time::timeout(FIRST_BUILD, running).await.is_ok() {
                return self.look_at_index().await;
            }
        } else if self.is_too_old(view.rebuilt()) {
            self.begin_healing();
        }
        Ok(view)
    }

    fn is_too_old(&self, rebuilt: Option<DateTime<Utc>>) -> bool {
        rebuilt.is_none_or(|rebuilt| self.has_passed(rebuilt, self.parts.search.settings.rebuild_after))
    }

    fn has_passed(&self, since: DateTime<Utc>, time: Duration) -> bool {
        // A clock that was set back gives a negative time, which is none.
        (self.parts.clock.now() - since).to_std().is_ok_and(|passed| passed >= time)
    }

    /// Compares the index with the packages, unless that is under way or just failed.
    fn begin_healing(&self) {
        let healing = &self.parts.search.healing;
        let failed = *healing.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| !self.has_passed(failed, PAUSE)) {
            return;
        }
        let Ok(running) = Arc::clone(&healing.running).try_lock_owned() else { return };
        let search = self.clone();
        tokio::spawn(async move {
            let healed = search.heal().await;
            if let Err(error) = &healed {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "the index for searches could not be compared with the packages");
            }
            let failed = healed.is_err().then(|| search.parts.clock.now());
            *search.parts.search.healing.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
            drop(running);
        });
    }

    async fn heal(&self) -> Result<(), Error> {
        let begun = self.parts.clock.now();
        let mut names: Vec<BTreeSet<PackageName>> = vec![BTreeSet::new(); SHARDS.into()];
        for name in self.catalog().list_packages().await? {
            names[usize::from(shard_of(&name))].insert(name);
        }
        // Of a store that is not mounted the list is empty, and an index made of it would call every name public.
        self.parts.store.confirm_absence().await?;
        for (shard, names) in (0..SHARDS).zip(names) {
            self.heal_shard(shard, names, begun).await?;
        }
        Ok(())
    }

    /// Makes a part of the index anew. Each packument is read after the part was, so what it says is at least as
    /// new; where another process changes the part meanwhile, only the packages that it changed are read again.
    async fn heal_shard(
        &self,
        shard: u8,
        listed: BTreeSet<PackageName>,
        begun: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut edit = HealShard { search: self, shard, listed, begun, checked: BTreeMap::new() };
        self.update_shard(shard, &mut edit).await
    }

    /// What is to be in the index of a package; `None` where there is none.
    async fn index_entry(&self, name: &PackageName) -> Result<Option<Arc<Indexed>>, Error> {
        let Some(stored) = self.catalog().read_index(name).await? else {
            return match self.catalog().standing(name).await {
                Ok(Standing::Free) => Ok(None),
                // The name of a package that is lost, or being begun, is private.
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
            tracing::warn!(error, %name, "a package whose packument is damaged cannot be found by searching");
            (Revision::default(), None)
        });
        Ok(Some(Arc::new(Indexed::new(name.clone(), revision, entry))))
    }
}

/// Makes a part of the index anew from the packages `listed`. An earlier attempt that was stored leaves a part that is not
/// too old.
struct HealShard<'a> {
    search: &'a Search,
    shard: u8,
    listed: BTreeSet<PackageName>,
    begun: DateTime<Utc>,
    checked: BTreeMap<PackageName, (Option<Revision>, Option<Arc<Indexed>>)>,
}

impl Edit for HealShard<'_> {
    type Outcome = Option<Contents>;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;
    const PATIENCE: Duration = Duration::from_mins(10);

    async fn attempt(&mut self, _: &[Option<Contents>]) -> Result<Step<Option<Contents>>, Error> {
        let search = self.search;
        let base = search.read_shard(self.shard).await?;
        if !search.is_too_old(base.contents.rebuilt) {
            // Another process was here.
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
