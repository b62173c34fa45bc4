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

/// For how long a write waits until searches know of it. It is committed already, so it never fails for that.
const PATIENCE_OF_WRITES: Duration = Duration::from_secs(2);
/// What a package in the index takes when stored, about.
const BYTES_OF_ENTRY: usize = 400;

/// What a commit changed of that which searches show.
#[derive(Debug, Clone)]
pub(crate) struct IndexUpdate {
    pub(crate) revision: Revision,
    pub(crate) entry: Option<SearchEntry>,
}

impl IndexUpdate {
    /// The present state of a packument.
    pub(crate) fn of(packument: &Packument<'_>) -> Self {
        Self { revision: packument.revision.clone(), entry: SearchEntry::of(packument) }
    }
}

/// One part of the index within this process: its last known state, and what is on its way into it. However many
/// write, one at a time is at the store, and takes with it all that came in meanwhile.
#[derive(Debug, Default)]
pub(super) struct Lane {
    known: Mutex<Option<Arc<Shard>>>,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    packages: BTreeMap<PackageName, Arc<Indexed>>,
    waiting: Vec<oneshot::Sender<()>>,
    is_under_way: bool,
}

impl Lane {
    pub(super) fn known(&self) -> Option<Arc<Shard>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_known(&self, shard: Arc<Shard>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(shard);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is still to be entered, once nobody is at it: left over from an index that could not be written.
    pub(super) fn has_left_over(&self) -> bool {
        let pending = self.pending();
        !pending.is_under_way && !pending.packages.is_empty()
    }
}

impl Pending {
    /// Keeps the newer of two states.
    fn add(&mut self, indexed: Arc<Indexed>) {
        let known = self.packages.get(&indexed.package.name);
        if known.is_none_or(|known| is_newer(&indexed.revision, &known.revision)) {
            self.packages.insert(indexed.package.name.clone(), indexed);
        }
    }
}

impl Search {
    /// Lets searches know of a commit. Waits until they do, but not for long: a failure is logged, and what could
    /// not be entered is tried again with the next write or search.
    pub(crate) async fn index_for_search(&self, name: &PackageName, update: IndexUpdate) {
        let shard = shard_of(name);
        let indexed = Arc::new(Indexed::new(name.clone(), update.revision, update.entry));
        let (entered, wait) = oneshot::channel();
        {
            let mut pending = self.lane(shard).pending();
            pending.add(indexed);
            pending.waiting.push(entered);
        }
        self.begin_flight(shard);
        if tokio::time::timeout(PATIENCE_OF_WRITES, wait).await.is_err() {
            tracing::warn!(%name, "the index for searches is slow: a change that is committed is not in it yet");
        }
    }

    /// Sees to it that what is pending is entered.
    pub(super) fn begin_flight(&self, shard: u8) {
        {
            let mut pending = self.lane(shard).pending();
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
                let mut pending = self.lane(shard).pending();
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
                tracing::warn!(
                    error,
                    shard,
                    "a committed change could not be entered into the index for searches"
                );
                let mut pending = self.lane(shard).pending();
                // Those who came meanwhile are waiting for an attempt of their own.
                is_last = pending.packages.is_empty();
                pending.is_under_way = !is_last;
                for indexed in packages.into_values() {
                    pending.add(indexed);
                }
            }
            for waiting in waiting {
                // Whoever has gone away needs no answer.
                let _ = waiting.send(());
            }
            if is_last {
                return;
            }
        }
    }

    /// Brings packages into a part of the index by compare-and-swap. Begins from the last known state, so that a
    /// process that writes alone does not read.
    async fn enter(&self, shard: u8, packages: &BTreeMap<PackageName, Arc<Indexed>>) -> Result<(), Error> {
        let known = self.lane(shard).known().filter(|known| known.etag.is_some());
        let mut edit = EnterPackages { search: self, shard, packages, known };
        self.update_shard(shard, &mut edit).await
    }

    /// Changes a part of the index, and remembers what it is then.
    pub(super) async fn update_shard(
        &self,
        shard: u8,
        edit: &mut impl Edit<Outcome = Option<Contents>, Error = Error>,
    ) -> Result<(), Error> {
        let updated = self.parts.store.update(&Key::SearchShard(shard).path()?, edit).await?;
        if let Updated { stored: Some(etag), outcome: Some(contents) } = updated {
            self.lane(shard).set_known(Arc::new(Shard { etag: Some(etag), contents }));
        }
        Ok(())
    }

    /// A part of the index as it is in the store now. What did not change is not read again.
    pub(super) async fn read_shard(&self, shard: u8) -> Result<Arc<Shard>, Error> {
        let path = Key::SearchShard(shard).path()?;
        let known = self.lane(shard).known();
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
        self.lane(shard).set_known(Arc::clone(&read));
        Ok(read)
    }
}

/// Brings packages into a part of the index. Whether an earlier attempt was stored shows in what the part has: entering
/// them twice changes nothing.
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

/// The step that replaces a part of the index, if it still is what `base` was read as.
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
