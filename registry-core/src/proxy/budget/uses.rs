use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::proxy::Proxy;
use crate::randomness::random_bytes;
use crate::storage::{BlobPath, Key, When};

/// The minutes between two marks of one blob, so that a blob in constant use is marked a few times a day.
const MARK_AGAIN: u32 = 3 * 60;
/// The minutes between two writes of marks to the store,
const WRITE_AGAIN: u32 = 15;
/// unless this many are pending.
const MOST_PENDING: usize = 10_000;
/// The size of a mark: 8 bytes identify the blob, 4 hold the minute.
const MARK_BYTES: usize = 12;

/// When a cached blob was last marked as used.
#[derive(Debug)]
pub(in crate::proxy) struct LastUsed {
    id: u64,
    marked: AtomicU32,
}

impl LastUsed {
    pub(in crate::proxy) fn of(path: &BlobPath) -> Self {
        Self { id: id_of(path), marked: AtomicU32::new(0) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether to mark the blob as used. Returning true counts as marking it.
    pub(super) fn is_due(&self, now: u32) -> bool {
        let is_due = now.saturating_sub(self.marked.load(Ordering::Relaxed)) >= MARK_AGAIN;
        if is_due {
            self.marked.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

/// The id of a path, the same in every process. A collision, once in billions, spares a blob for a while.
pub(super) fn id_of(path: &BlobPath) -> u64 {
    let [first, ..] = *Sha256::digest(path.as_str()).as_chunks::<8>().0 else { return 0 };
    u64::from_be_bytes(first)
}

/// The uses of cached blobs that this process recorded.
#[derive(Debug)]
pub(super) struct Uses(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When each blob was marked, until it may be marked again.
    marked: HashMap<u64, u32>,
    /// Marks not yet written to the store.
    pending: Vec<(u64, u32)>,
    written: u32,
}

impl Uses {
    pub(super) fn new(now: u32) -> Self {
        Self(Mutex::new(State { marked: HashMap::new(), pending: Vec::new(), written: now }))
    }

    /// Marks a use unless the blob was marked recently, and returns whether to write marks to the store.
    pub(super) fn add(&self, id: u64, now: u32) -> bool {
        let mut state = self.state();
        let is_marked = state.marked.get(&id).is_some_and(|marked| now.saturating_sub(*marked) < MARK_AGAIN);
        if !is_marked {
            state.mark(id, now);
        }
        state.is_time_to_write(now)
    }

    /// Like [`Uses::add`], even if the blob was marked recently.
    pub(super) fn add_always(&self, id: u64, now: u32) -> bool {
        let mut state = self.state();
        state.mark(id, now);
        state.is_time_to_write(now)
    }

    fn take_pending(&self, now: u32) -> Vec<(u64, u32)> {
        let mut state = self.state();
        state.written = now;
        state.marked.retain(|_, marked| now.saturating_sub(*marked) < MARK_AGAIN);
        std::mem::take(&mut state.pending)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn mark(&mut self, id: u64, now: u32) {
        self.marked.insert(id, now);
        self.pending.push((id, now));
    }

    fn is_time_to_write(&self, now: u32) -> bool {
        let is_late = now.saturating_sub(self.written) >= WRITE_AGAIN && !self.pending.is_empty();
        is_late || self.pending.len() >= MOST_PENDING
    }
}

/// Encodes marks as they are stored.
pub(super) fn encode(marks: impl Iterator<Item = (u64, u32)>) -> Bytes {
    let mut bytes = BytesMut::new();
    for (id, minute) in marks {
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&minute.to_be_bytes());
    }
    bytes.freeze()
}

/// Merges stored marks into `known`, where they are later.
pub(super) fn decode(bytes: &[u8], known: &mut HashMap<u64, u32>) {
    for mark in bytes.as_chunks::<MARK_BYTES>().0 {
        let (mut id, mut minute) = ([0; 8], [0; 4]);
        id.copy_from_slice(&mark[..8]);
        minute.copy_from_slice(&mark[8..]);
        let last = known.entry(u64::from_be_bytes(id)).or_default();
        *last = (*last).max(u32::from_be_bytes(minute));
    }
}

impl Proxy {
    /// Writes marks to the store in the background.
    pub(super) fn write_uses_behind(&self) {
        if self.parts.upstream.kept.is_writing_uses.swap(true, Ordering::SeqCst) {
            return;
        }
        let proxy = self.clone();
        tokio::spawn(async move {
            if let Err(error) = proxy.write_uses().await {
                // The marks are lost: blobs in use may be deleted, and fetched again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot record uses of the upstream cache"
                );
            }
            proxy.parts.upstream.kept.is_writing_uses.store(false, Ordering::SeqCst);
        });
    }

    pub(super) async fn write_uses(&self) -> Result<(), Error> {
        let now = super::minute(self.parts.clock.now());
        let pending = self.parts.upstream.kept.uses.take_pending(now);
        if pending.is_empty() { Ok(()) } else { self.put_uses(encode(pending.into_iter())).await }
    }

    /// Writes each batch to its own blob, so that no process waits for another.
    pub(super) async fn put_uses(&self, marks: Bytes) -> Result<(), Error> {
        let id = const_hex::encode(random_bytes::<16>(&*self.parts.randomness));
        let _ = self.parts.store.put(&Key::UpstreamUses(&id).path()?, marks, When::Always).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_in_constant_use_is_marked_a_few_times() {
        let uses = Uses::new(0);
        let mark = LastUsed::of(&BlobPath::parse("_upstream/npm/pear/full.json").unwrap());
        let marks = (1000..1000 + 24 * 60).filter(|minute| mark.is_due(*minute)).count();
        assert_eq!(marks, 8);
        for minute in 1000..1000 + 24 * 60 {
            uses.add(mark.id(), minute);
        }
        assert_eq!(uses.take_pending(3000).len(), 8);
        assert!(uses.take_pending(3000).is_empty());
    }

    #[test]
    fn marks_are_written_a_quarter_of_an_hour_apart() {
        let uses = Uses::new(100);
        assert!(!uses.add(1, 114));
        assert!(uses.add(1, 115), "the one of before is still pending");
        assert_eq!(uses.take_pending(115), [(1, 114)]);
        assert!(!uses.add(2, 116));
        assert!(uses.add(2, 130));
    }

    #[test]
    fn the_latest_mark_counts_and_damage_is_left_out() {
        let mut known = HashMap::new();
        decode(&encode([(1, 10), (2, 20), (1, 15)].into_iter()), &mut known);
        decode(&encode([(1, 12)].into_iter()), &mut known);
        decode(b"damaged", &mut known);
        assert_eq!(known, HashMap::from([(1, 15), (2, 20)]));
    }
}
