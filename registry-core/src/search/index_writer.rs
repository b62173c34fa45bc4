use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Error;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::domain::packument::{Packument, Revision};
use crate::domain::search::SearchEntry;
use crate::search::Search;
use crate::storage::{Edit, Fetched, Key, Step, Updated};

use super::shard::{Contents, Indexed, Shard, is_newer, shard_of};

/// How long a write waits for the index. The write is committed already, so it never fails for that.
const PATIENCE_OF_WRITES: Duration = Duration::from_secs(2);
/// The approximate stored size of a package in the index.
const BYTES_OF_ENTRY: usize = 400;

/// The searchable part of a commit.
#[derive(Debug, Clone)]
pub(crate) struct IndexUpdate {
    pub(crate) revision: Revision,
    pub(crate) entry: Option<SearchEntry>,
}

impl IndexUpdate {
    /// Extracts the update from a packument.
    pub(crate) fn of(packument: &Packument<'_>) -> Self {
        Self { revision: packument.revision.clone(), entry: SearchEntry::of(packument) }
    }
}

/// A shard of the index within this process: its last known state and the pending updates. One task at a time writes to
/// the store, and takes along all updates that arrived in the meantime.
#[derive(Debug, Default)]
pub(super) struct IndexWriter {
    known: Mutex<Option<Arc<Shard>>>,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    packages: BTreeMap<PackageName, Arc<Indexed>>,
    waiting: Vec<oneshot::Sender<()>>,
    is_under_way: bool,
}

impl IndexWriter {
    pub(super) fn known(&self) -> Option<Arc<Shard>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_known(&self, shard: Arc<Shard>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(shard);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether updates are pending that no task is writing: left over from an index that could not be written.
    pub(super) fn has_left_over(&self) -> bool {
        let pending = self.pending();
        !pending.is_under_way && !pending.packages.is_empty()
    }
}

impl Pending {
    /// Adds a package, unless the pending one is newer.
    fn add(&mut self, indexed: Arc<Indexed>) {
        let known = self.packages.get(&indexed.package.name);
        if known.is_none_or(|known| is_newer(&indexed.revision, &known.revision)) {
            self.packages.insert(indexed.package.name.clone(), indexed);
        }
    }
}

impl Search {
    /// Enters a commit into the index. Waits for that, but not for long: a failure is logged, and pending updates are
    /// retried with the next write or search.
    pub(crate) async fn index_for_search(&self, name: &PackageName, update: IndexUpdate) {
        let shard = shard_of(name);
        let indexed = Arc::new(Indexed::new(name.clone(), update.revision, update.entry));
        let (entered, wait) = oneshot::channel();
        {
            let mut pending = self.index_writer(shard).pending();
            pending.add(indexed);
            pending.waiting.push(entered);
        }
        self.begin_flight(shard);
        if tokio::time::timeout(PATIENCE_OF_WRITES, wait).await.is_err() {
            tracing::warn!(%name, "the search index is slow: it does not contain a committed change yet");
        }
    }

    /// Starts writing the pending updates, unless a task is running.
    pub(super) fn begin_flight(&self, shard: u8) {
        {
            let mut pending = self.index_writer(shard).pending();
            if pending.is_under_way {
                return;
            }
            pending.is_under_way = true;
        }
        let search = self.clone();
        tokio::spawn(async move { search.fly(shard).await });
    }

    async fn fly(&self, shard: u8) {
        loop {
            let (packages, waiting) = {
                let mut pending = self.index_writer(shard).pending();
                if pending.packages.is_empty() {
                    pending.is_under_way = false;
                    return;
                }
                (std::mem::take(&mut pending.packages), std::mem::take(&mut pending.waiting))
            };
            let entered = self.enter(shard, &packages).await;
            let mut is_last = false;
            if let Err(error) = &entered {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, shard, "could not update the search index for a committed change");
                let mut pending = self.index_writer(shard).pending();
                // Callers that arrived in the meantime wait for an attempt of their own.
                is_last = pending.packages.is_empty();
                pending.is_under_way = !is_last;
                for indexed in packages.into_values() {
                    pending.add(indexed);
                }
            }
            for waiting in waiting {
                // A waiter that is gone needs no answer.
                let _ = waiting.send(());
            }
            if is_last {
                return;
            }
        }
    }

    /// Enters packages into a shard by compare-and-swap. Begins from the last known state, so that a process that is
    /// the only writer does not read.
    async fn enter(&self, shard: u8, packages: &BTreeMap<PackageName, Arc<Indexed>>) -> Result<(), Error> {
        let known = self.index_writer(shard).known().filter(|known| known.etag.is_some());
        let mut edit = EnterPackages { search: self, shard, packages, known };
        self.update_shard(shard, &mut edit).await
    }

    /// Changes a shard and caches its new state.
    pub(super) async fn update_shard(
        &self,
        shard: u8,
        edit: &mut impl Edit<Outcome = Option<Contents>, Error = Error>,
    ) -> Result<(), Error> {
        let updated = self.parts.store.update(&Key::SearchShard(shard).path()?, edit).await?;
        if let Updated { stored: Some(etag), outcome: Some(contents) } = updated {
            self.index_writer(shard).set_known(Arc::new(Shard { etag: Some(etag), contents }));
        }
        Ok(())
    }

    /// Returns a shard as stored now. An unchanged one is not read again.
    pub(super) async fn read_shard(&self, shard: u8) -> Result<Arc<Shard>, Error> {
        let path = Key::SearchShard(shard).path()?;
        let known = self.index_writer(shard).known();
        let blob = match known.as_ref().and_then(|known| Some((known, known.etag.as_ref()?))) {
            None => self.parts.store.get(&path).await?,
            Some((known, etag)) => match self.parts.store.get_if_changed(&path, etag).await? {
                Fetched::Unchanged => return Ok(Arc::clone(known)),
                Fetched::Changed(blob) => Some(blob),
                Fetched::Missing => None,
            },
        };
        let read = match blob {
            None => Shard::default(),
            Some(blob) => {
                let bytes = blob.bytes;
                let contents = compute(bytes.len(), move || Contents::read(&bytes)).await?;
                Shard { etag: Some(blob.etag), contents }
            }
        };
        let read = Arc::new(read);
        self.index_writer(shard).set_known(Arc::clone(&read));
        Ok(read)
    }
}

/// Enters packages into a shard. Entering them twice changes nothing, so an earlier attempt that was stored does no
/// harm.
struct EnterPackages<'a> {
    search: &'a Search,
    shard: u8,
    packages: &'a BTreeMap<PackageName, Arc<Indexed>>,
    known: Option<Arc<Shard>>,
}

impl Edit for EnterPackages<'_> {
    type Outcome = Option<Contents>;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn attempt(&mut self, _: &[Option<Contents>]) -> Result<Step<Option<Contents>>, Error> {
        let base = match self.known.take() {
            Some(known) => known,
            None => self.search.read_shard(self.shard).await?,
        };
        match base.contents.with(self.packages.values()) {
            None => Ok(Step::Done(None)),
            Some(contents) => write_contents(&base, contents).await,
        }
    }
}

/// Returns the step that replaces a shard, if it is unchanged since `base` was read.
pub(super) async fn write_contents(
    base: &Shard,
    contents: Contents,
) -> Result<Step<Option<Contents>>, Error> {
    let size = contents.packages.len() * BYTES_OF_ENTRY;
    let (contents, json) = compute(size, move || {
        let json = contents.write();
        (contents, json)
    })
    .await?;
    let json = json.map_err(|error| Error::Internal(Box::new(error)))?;
    Ok(Step::Write { bytes: json.into(), base: base.etag.clone(), outcome: Some(contents) })
}
