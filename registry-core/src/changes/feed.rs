use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::domain::OutboxEntry;
use crate::storage::{BlobError, Edit, Fetched, Key, PutOutcome, Step, Storage, When};

use super::entries::FeedEntry;
use super::head::{Head, SEGMENT, StoredHead, damaged, segment_of, segment_path};

/// How many segments are cached. Readers of old changes go from one to the next.
const CACHED_SEGMENTS: usize = 8;

/// The list of all changes in the store, in one order for all replicas and without gaps.
///
/// ```text
/// _changes/head.json          the latest changes, changed by compare-and-swap
/// _changes/{number}.json      a full segment of 128 older changes, never changed
/// ```
#[derive(Debug)]
pub(super) struct Feed {
    store: Arc<Storage>,
    head: Mutex<Option<Arc<StoredHead>>>,
    segments: Mutex<VecDeque<(u64, Arc<Vec<FeedEntry>>)>>,
}

/// Whether the change of an id is wanted.
type IsWanted<'a> = dyn Fn(&str) -> bool + Send + Sync + 'a;

/// Some changes of the feed.
#[derive(Debug, Default)]
pub(super) struct FeedPage {
    pub(super) entries: Vec<FeedEntry>,
    /// The number of the oldest change that is kept.
    pub(super) first: u64,
    /// The number of the latest change.
    pub(super) position: u64,
}

impl Feed {
    pub(super) fn new(store: Arc<Storage>) -> Self {
        Self { store, head: Mutex::default(), segments: Mutex::default() }
    }

    /// Returns the number of the latest change that this process knows, without asking the store if it knows any.
    pub(super) async fn known_position(&self) -> Result<u64, Error> {
        if let Some(known) = self.known() {
            return Ok(known.head.position());
        }
        Ok(self.read_head().await?.head.position())
    }

    /// Returns the current head.
    pub(super) async fn read_head(&self) -> Result<Arc<StoredHead>, Error> {
        let path = Key::ChangeHead.path()?;
        let known = self.known();
        if let Some((known, etag)) = known.as_ref().and_then(|known| Some((known, known.etag.as_ref()?))) {
            match self.store.get_if_changed(&path, etag).await? {
                Fetched::Unchanged => return Ok(Arc::clone(known)),
                Fetched::Changed(blob) => {
                    let head = Head::parse(&blob.bytes)?;
                    return Ok(self.remember(StoredHead { head, etag: Some(blob.etag) }));
                }
                Fetched::Missing => {
                    self.store.confirm_absence().await?;
                    return Err(damaged("the head of the change feed is gone from the store"));
                }
            }
        }
        Ok(self.remember(match self.store.get_proven(&path).await? {
            None => StoredHead::default(),
            Some(blob) => StoredHead { head: Head::parse(&blob.bytes)?, etag: Some(blob.etag) },
        }))
    }

    /// Appends the entries that the feed does not have yet, in their order. Returns the new number of the latest change
    /// and the ids that were appended, by this call or an attempt of it.
    pub(super) async fn append(&self, entries: &[OutboxEntry]) -> Result<Appended, Error> {
        let path = Key::ChangeHead.path()?;
        let mut edit = Append { feed: self, entries };
        let updated = self.store.update(&path, &mut edit).await?;
        let (head, appended) = (updated.outcome.head, updated.outcome.ids);
        let position = head.position();
        if let Some(etag) = updated.stored {
            self.remember(StoredHead { head, etag: Some(etag) });
        }
        Ok(Appended { position, ids: appended })
    }

    /// Returns up to `limit` changes after `since`.
    pub(super) async fn page(&self, since: u64, limit: usize) -> Result<FeedPage, Error> {
        let stored = self.read_head().await?;
        let head = &stored.head;
        let (first, position) = (head.first, head.position());
        let mut next = since.saturating_add(1).max(first);
        let mut entries = Vec::new();
        while entries.len() < limit && next < head.tail_start() {
            let Some(segment) = self.segment(segment_of(next)).await? else {
                // Removed since the head was read: the next call begins after it.
                return Ok(FeedPage { entries, first, position });
            };
            let after = segment.iter().filter(|entry| entry.seq >= next);
            entries.extend(after.take(limit - entries.len()).cloned());
            next = (segment_of(next) + 1) * SEGMENT + 1;
        }
        let rest = head.tail_after(next.saturating_sub(1));
        entries.extend(rest.iter().take(limit - entries.len()).cloned());
        Ok(FeedPage { entries, first, position })
    }

    /// Returns the changes after the number `after` of whose ids `is_wanted` says so.
    pub(super) async fn find(&self, after: u64, is_wanted: &IsWanted<'_>) -> Result<Vec<FeedEntry>, Error> {
        let stored = self.read_head().await?;
        self.find_in(&stored.head, after, is_wanted).await
    }

    async fn find_in(
        &self,
        head: &Head,
        after: u64,
        is_wanted: &IsWanted<'_>,
    ) -> Result<Vec<FeedEntry>, Error> {
        let is_wanted = |entry: &&FeedEntry| is_wanted(entry.id.as_str());
        let mut found = Vec::new();
        let mut next = (after + 1).max(head.first);
        while next < head.tail_start() {
            let segment = self.segment(segment_of(next)).await?;
            found.extend(segment.iter().flat_map(|segment| segment.iter()).filter(is_wanted).cloned());
            next = (segment_of(next) + 1) * SEGMENT + 1;
        }
        found.extend(head.tail.iter().filter(is_wanted).cloned());
        Ok(found)
    }

    /// Removes whole segments while `is_old` says so of their last change. Returns how many changes were removed.
    pub(super) async fn trim(&self, is_old: impl Fn(&FeedEntry) -> bool + Send + Sync) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let stored = self.read_head().await?;
            let (first, tail_start) = (stored.head.first, stored.head.tail_start());
            if first >= tail_start {
                return Ok(removed);
            }
            let number = segment_of(first);
            let segment = self.segment(number).await?;
            if segment.is_some_and(|segment| segment.last().is_some_and(|last| !is_old(last))) {
                return Ok(removed);
            }
            // The head first, so that no reader is sent to a segment that is gone.
            let mut edit = Trim { feed: self, first: (number + 1) * SEGMENT + 1 };
            let updated = self.store.update(&Key::ChangeHead.path()?, &mut edit).await?;
            if let Some(etag) = updated.stored {
                self.remember(StoredHead { head: updated.outcome, etag: Some(etag) });
            }
            self.store.delete(&segment_path(number)?).await?;
            removed += SEGMENT;
        }
    }

    /// Returns a segment; `None` if it was removed.
    async fn segment(&self, number: u64) -> Result<Option<Arc<Vec<FeedEntry>>>, Error> {
        if let Some(segment) = self.cached_segment(number) {
            return Ok(Some(segment));
        }
        let Some(blob) = self.store.get_proven(&segment_path(number)?).await? else { return Ok(None) };
        let segment: Vec<FeedEntry> = serde_json::from_slice(&blob.bytes).map_err(damaged)?;
        let segment = Arc::new(segment);
        let mut cached = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() == CACHED_SEGMENTS {
            cached.pop_front();
        }
        cached.push_back((number, Arc::clone(&segment)));
        Ok(Some(segment))
    }

    fn cached_segment(&self, number: u64) -> Option<Arc<Vec<FeedEntry>>> {
        let cached = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        cached.iter().find(|(cached, _)| *cached == number).map(|(_, segment)| Arc::clone(segment))
    }

    fn known(&self) -> Option<Arc<StoredHead>> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the newer of this head and the known one.
    fn remember(&self, stored: StoredHead) -> Arc<StoredHead> {
        let stored = Arc::new(stored);
        let mut known = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = known.as_ref().is_some_and(|known| known.head.next > stored.head.next);
        if !is_older {
            *known = Some(Arc::clone(&stored));
        }
        stored
    }
}

/// What an append did.
#[derive(Debug)]
pub(super) struct Appended {
    /// The number of the latest change.
    pub(super) position: u64,
    /// The ids of the changes that were not in the feed before.
    pub(super) ids: HashSet<String>,
}

struct Append<'a> {
    feed: &'a Feed,
    entries: &'a [OutboxEntry],
}

#[derive(Debug)]
struct AppendOutcome {
    head: Head,
    ids: HashSet<String>,
}

impl Edit for Append<'_> {
    type Outcome = AppendOutcome;
    type Error = Error;

    /// An entry that is in the feed is not appended again.
    const RECOGNIZES_ATTEMPTS: bool = true;

    async fn attempt(&mut self, attempts: &[AppendOutcome]) -> Result<Step<AppendOutcome>, Error> {
        let stored = self.feed.read_head().await?;
        let mut head = stored.head.clone();
        let ids: HashSet<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
        let after = self.entries.iter().map(|entry| entry.after).min().unwrap_or(head.position());
        let found = self.feed.find_in(&head, after, &|id| ids.contains(id)).await?;
        let mut known: HashSet<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
        // An earlier attempt may have been stored without an answer.
        let mut appended: HashSet<String> = attempts
            .iter()
            .flat_map(|attempt| &attempt.ids)
            .filter(|id| known.contains(id.as_str()))
            .cloned()
            .collect();
        self.move_out(&mut head).await?;
        let before = head.next;
        for entry in self.entries {
            if known.insert(&entry.id) {
                appended.insert(entry.id.clone());
                let (id, event) = (entry.id.clone(), entry.event.clone());
                head.tail.push(FeedEntry { seq: head.next, id, event });
                head.next += 1;
            }
        }
        if head.next == before {
            return Ok(Step::Done(AppendOutcome { head: stored.head.clone(), ids: appended }));
        }
        let bytes = serde_json::to_vec(&head).map_err(Error::internal)?.into();
        let outcome = AppendOutcome { head, ids: appended };
        Ok(Step::Write { bytes, base: stored.etag.clone(), outcome })
    }
}

impl Append<'_> {
    /// Moves full segments out of the tail. A segment's content follows from its number, so that it does not matter
    /// which replica writes it, nor how often.
    async fn move_out(&self, head: &mut Head) -> Result<(), Error> {
        while head.tail.len() as u64 >= SEGMENT {
            let start = head.tail_start();
            let rest = head.tail.split_off(usize::try_from(SEGMENT).unwrap_or(usize::MAX));
            let bytes = serde_json::to_vec(&head.tail).map_err(Error::internal)?;
            let path = segment_path(segment_of(start))?;
            match self.feed.store.put(&path, bytes.clone().into(), When::Absent).await? {
                PutOutcome::Stored(_) => {}
                PutOutcome::Conflict => self.require_same(&path, &bytes).await?,
            }
            head.tail = rest;
        }
        Ok(())
    }

    async fn require_same(&self, path: &crate::storage::BlobPath, bytes: &[u8]) -> Result<(), Error> {
        match self.feed.store.get(path).await? {
            Some(blob) if blob.bytes == bytes => Ok(()),
            _ => Err(Error::Store(BlobError::Refused {
                store: self.feed.store.to_string(),
                path: path.to_string(),
                source: "a segment of the change feed is there already, with other changes".into(),
            })),
        }
    }
}

struct Trim<'a> {
    feed: &'a Feed,
    first: u64,
}

impl Edit for Trim<'_> {
    type Outcome = Head;
    type Error = Error;

    /// The number tells.
    const RECOGNIZES_ATTEMPTS: bool = true;

    async fn attempt(&mut self, _: &[Head]) -> Result<Step<Head>, Error> {
        let stored = self.feed.read_head().await?;
        if stored.head.first >= self.first {
            return Ok(Step::Done(stored.head.clone()));
        }
        let head = Head { first: self.first, ..stored.head.clone() };
        let bytes = serde_json::to_vec(&head).map_err(Error::internal)?.into();
        Ok(Step::Write { bytes, base: stored.etag.clone(), outcome: head })
    }
}
