use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::proxy::Proxy;
use crate::randomness::random_bytes;
use crate::storage::{BlobPath, Key, When};

/// A use is marked again only so many minutes after the last one: what is used all day is marked a few times.
const MARK_AGAIN: u32 = 3 * 60;
/// Marks are written to the store this many minutes apart at the least,
const WRITE_AGAIN: u32 = 15;
/// unless there are so many.
const MOST_PENDING: usize = 10_000;
/// Of each mark 8 bytes name the blob, 4 tell the minute.
const MARK_BYTES: usize = 12;

/// Remembers when one kept blob was last marked as used.
#[derive(Debug)]
pub(in crate::proxy) struct UseMark {
    id: u64,
    marked: AtomicU32,
}

impl UseMark {
    pub(in crate::proxy) fn of(path: &BlobPath) -> Self {
        Self { id: id_of(path), marked: AtomicU32::new(0) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether it is time to mark the blob as used, which counts as done then.
    pub(super) fn is_due(&self, now: u32) -> bool {
        let is_due = now.saturating_sub(self.marked.load(Ordering::Relaxed)) >= MARK_AGAIN;
        if is_due {
            self.marked.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

/// The same for a path in every process. That two paths share one, once in billions, would spare a file for a while.
pub(super) fn id_of(path: &BlobPath) -> u64 {
    let [first, ..] = *Sha256::digest(path.as_str()).as_chunks::<8>().0 else { return 0 };
    u64::from_be_bytes(first)
}

/// What this process knows of the use of kept blobs.
#[derive(Debug)]
pub(super) struct Uses(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When each was marked, for as long as it is not to be marked again.
    marked: HashMap<u64, u32>,
    /// Marks that are not in the store yet.
    pending: Vec<(u64, u32)>,
    written: u32,
}

impl Uses {
    pub(super) fn new(now: u32) -> Self {
        Self(Mutex::new(State { marked: HashMap::new(), pending: Vec::new(), written: now }))
    }

    /// Marks a use unless that was done not long ago, and tells whether it is time to write marks to the store.
    pub(super) fn add(&self, id: u64, now: u32) -> bool {
        let mut state = self.state();
        let is_marked = state.marked.get(&id).is_some_and(|marked| now.saturating_sub(*marked) < MARK_AGAIN);
        if !is_marked {
            state.mark(id, now);
        }
        state.is_time_to_write(now)
    }

    /// As [`Uses::add`], also if it was done not long ago.
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

/// Marks as they are stored.
pub(super) fn encode(marks: impl Iterator<Item = (u64, u32)>) -> Bytes {
    let mut bytes = BytesMut::new();
    for (id, minute) in marks {
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&minute.to_be_bytes());
    }
    bytes.freeze()
}

/// Adds stored marks to those that are known, where they are later.
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
    /// Writes marks to the store while the caller goes on.
    pub(super) fn write_uses_behind(&self) {
        if self.parts.upstream.kept.is_writing_uses.swap(true, Ordering::SeqCst) {
            return;
        }
        let proxy = self.clone();
        tokio::spawn(async move {
            if let Err(error) = proxy.write_uses().await {
                // They are lost: what was used may be deleted, and fetched again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot note what was used of other registries"
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

    /// A blob of its own for each batch, so that no process ever waits for another.
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
    fn what_is_used_all_day_is_marked_a_few_times() {
        let uses = Uses::new(0);
        let mark = UseMark::of(&BlobPath::parse("_upstream/npm/pear/full.json").unwrap());
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
