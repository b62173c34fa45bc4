//! The list of blocked versions that administrators change at run time: one document in the store, which every replica reads
//! again after a few seconds.

mod entry;
mod policy;
mod record;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::Error;
use crate::clock::Clock;
use crate::concurrency::SingleFlight;
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::storage::{BlobETag, Fetched, Key, Storage};

use super::VersionPolicy;
use super::package_policy::PolicySet;

pub(crate) use entry::checked_range;
pub use entry::{BlockRequest, BlockedVersions, RecallRequest};
use policy::BlockPolicy;
pub(crate) use record::BlockRecord;

/// How the list of blocked versions is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockListSettings {
    /// How long the list is used without reading it again: a change by another process counts within this time. Default 5
    /// seconds.
    pub cached_for: Duration,
    /// What happens while it cannot be read. Default [`UnreadableBlockList::Refuse`].
    pub unreadable: UnreadableBlockList,
}

impl Default for BlockListSettings {
    fn default() -> Self {
        Self { cached_for: Duration::from_secs(5), unreadable: UnreadableBlockList::Refuse }
    }
}

/// What happens to reads of packages while the list of blocked versions cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadableBlockList {
    /// They fail, since a version that they serve may be blocked.
    #[default]
    Refuse,
    /// They use the list as it was read last. Before it was ever read, they fail.
    LastKnown,
}

/// A change of the list.
#[derive(Debug, Clone)]
pub(crate) enum BlockChange {
    /// Adds versions, or changes the reason and the end of an entry.
    Block(BlockedVersions),
    /// Removes the entry of this package and range.
    Unblock(PackageName, String),
    /// Adds a recalled version, unless it is recalled.
    RecallIfNew(BlockedVersions),
    /// Removes the entry of this package and recalled version.
    UndoRecall(PackageName, String),
}

/// Reads and changes the list.
#[derive(Debug)]
pub(super) struct BlockList {
    settings: BlockListSettings,
    /// The policies that follow those of the list.
    others: Vec<Arc<dyn VersionPolicy>>,
    store: Arc<Storage>,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<KnownList>>,
    flights: SingleFlight<(), KnownList>,
}

/// The list as it was read last.
#[derive(Debug, Clone)]
struct KnownList {
    /// `None` where there is none.
    etag: Option<BlobETag>,
    checked: DateTime<Utc>,
    set: Arc<PolicySet>,
}

impl BlockList {
    pub(super) fn new(
        settings: BlockListSettings,
        others: Vec<Arc<dyn VersionPolicy>>,
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings,
            others,
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            known: RwLock::default(),
            flights: SingleFlight::default(),
        }
    }

    /// Returns all policies, with the list no older than configured.
    pub(super) async fn policies(&self) -> Result<Arc<PolicySet>, Error> {
        if let Some(known) = self.fresh() {
            return Ok(known.set);
        }
        let looked = Box::pin(self.flights.run(&(), async { self.look().await.map(Some) })).await?;
        looked
            .map(|known| Arc::clone(&known.set))
            .ok_or_else(|| Error::internal("the list was not looked up"))
    }

    fn known(&self) -> Option<KnownList> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_known(&self, known: Option<KnownList>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn fresh(&self) -> Option<KnownList> {
        let now = self.clock.now();
        // Of a clock that went back, no age is believed.
        self.known()
            .filter(|known| (now - known.checked).to_std().is_ok_and(|age| age < self.settings.cached_for))
    }

    async fn look(&self) -> Result<Arc<KnownList>, Error> {
        // Another caller may have looked since.
        let known = match self.fresh() {
            Some(fresh) => return Ok(Arc::new(fresh)),
            None => self.known(),
        };
        // Before the request, since the list may change during it.
        let now = self.clock.now();
        let read = match self.look_at_store(known.as_ref(), now).await {
            Ok(read) => read,
            Err(error) => {
                match known.filter(|_| self.settings.unreadable == UnreadableBlockList::LastKnown) {
                    Some(known) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "using the list of blocked versions as it was last read"
                        );
                        KnownList { checked: now, ..known }
                    }
                    // A storage that is not the one that was opened says more than the list that is not in it.
                    None if matches!(error, Error::Policy(_) | Error::Storage(_)) => return Err(error),
                    None => {
                        return Err(Error::Policy(PolicyError::ListUnreadable { source: Box::new(error) }));
                    }
                }
            }
        };
        self.set_known(Some(read.clone()));
        Ok(Arc::new(read))
    }

    async fn look_at_store(&self, known: Option<&KnownList>, now: DateTime<Utc>) -> Result<KnownList, Error> {
        let path = Key::BlockedVersions.path()?;
        let found = match known.and_then(|known| Some((known, known.etag.as_ref()?))) {
            Some((known, etag)) => match self.store.get_if_changed(&path, etag).await? {
                Fetched::Unchanged => return Ok(KnownList { checked: now, ..known.clone() }),
                Fetched::Changed(blob) => Some(blob),
                // It is changed, and never deleted.
                Fetched::Missing => {
                    let lost = "_policy/blocked.json, which was there, is gone: restore it from a backup";
                    return Err(Error::Policy(PolicyError::ListUnreadable { source: lost.into() }));
                }
            },
            None => self.store.get_proven(&path).await?,
        };
        let record = BlockRecord::read(found.as_ref())?;
        let list = BlockPolicy::of(record);
        let list = list.map(|list| Arc::new(list) as Arc<dyn VersionPolicy>);
        let policies = list.into_iter().chain(self.others.iter().cloned()).collect();
        let set = Arc::new(PolicySet { policies, clock: Arc::clone(&self.clock) });
        Ok(KnownList { etag: found.map(|blob| blob.etag), checked: now, set })
    }

    /// Returns the entries as stored now.
    pub(super) async fn read(&self) -> Result<Vec<BlockedVersions>, Error> {
        let found = self.store.get_proven(&Key::BlockedVersions.path()?).await?;
        Ok(BlockRecord::read(found.as_ref())?.blocked)
    }

    /// Reads the list again at the next read of a package, since it changed.
    pub(super) fn forget(&self) {
        self.set_known(None);
    }
}
