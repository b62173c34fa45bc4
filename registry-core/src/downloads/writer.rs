//! What one process writes: for each day an object of its own, with all that it counted on that day.
//!
//! The object is replaced as a whole, on the condition that it is as this process left it, so writing it again counts
//! nothing twice. While the outcome of a write is unknown, exactly the same write is tried again, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

use super::counts::Counts;
use super::day::{DayDocument, DayObject};
use crate::Error;
use crate::randomness::{Randomness, random_bytes};
use crate::storage::{Blob, BlobETag, BlobPath, PutOutcome, Storage, When};

/// The size in bytes from which on a process begins another object for the day.
const LARGE: usize = 1 << 20;
/// The most versions whose counts wait to be written while the store does not answer.
const MOST_UNWRITTEN: usize = 200_000;
/// How often a write that meets a rewritten object is tried again.
const ATTEMPTS: usize = 8;

/// The counts of this process that are being written.
#[derive(Debug)]
pub(super) struct Writer {
    randomness: Arc<dyn Randomness>,
    /// Random, so that no other process has it; `None` until something is written.
    process: Option<String>,
    generation: u32,
    files: BTreeMap<NaiveDate, DayFile>,
    unwritten: BTreeMap<NaiveDate, Counts>,
    lost: u64,
    last_flush: DateTime<Utc>,
    folded_on: Option<NaiveDate>,
}

/// The object of a day that this process writes.
#[derive(Debug)]
struct DayFile {
    path: BlobPath,
    /// The state in which this process left it; `None` if it is not there yet.
    base: Option<BlobETag>,
    /// What it has in that state.
    written: Counts,
    /// The write that has begun. It is the only one that may replace that state.
    sending: Option<Sending>,
}

#[derive(Debug)]
struct Sending {
    bytes: Bytes,
    counts: Counts,
}

/// What a write came to whose condition did not hold.
enum Conflict {
    /// The object is as it was to become: an earlier attempt had its effect.
    Landed(BlobETag),
    /// The object has the same counts as before in another state: an operator's command wrote it anew.
    Rewritten(BlobETag),
    /// The object is closed, and has what was to be written.
    ClosedWith,
    /// The object is closed, and has nothing of what was to be written.
    ClosedWithout,
    /// The object does not tell.
    Unknown,
}

impl Writer {
    pub(super) fn new(randomness: &Arc<dyn Randomness>, now: DateTime<Utc>) -> Self {
        Self {
            randomness: Arc::clone(randomness),
            process: None,
            generation: 0,
            files: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            lost: 0,
            last_flush: now,
            folded_on: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unwritten.is_empty() && self.files.values().all(|file| file.sending.is_none())
    }

    pub(super) fn last_flush(&self) -> DateTime<Utc> {
        self.last_flush
    }

    /// Whether this process has not folded today.
    pub(super) fn is_time_to_fold(&self, today: NaiveDate) -> bool {
        self.folded_on != Some(today)
    }

    pub(super) fn has_folded(&mut self, today: NaiveDate) {
        self.folded_on = Some(today);
    }

    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Adds counts that are to be written. Drops the oldest days beyond the limit, and returns how many downloads are
    /// lost by that.
    pub(super) fn take(&mut self, counts: BTreeMap<NaiveDate, Counts>, now: DateTime<Utc>) -> u64 {
        self.last_flush = now;
        for (day, counts) in counts {
            self.unwritten.entry(day).or_default().add_all(&counts);
        }
        let mut lost = 0;
        while self.unwritten.values().map(Counts::len).sum::<usize>() > MOST_UNWRITTEN
            && let Some((day, counts)) = self.unwritten.pop_first()
        {
            lost += counts.total();
            tracing::warn!(
                %day, downloads = counts.total(),
                "dropped counts of downloads, because too many wait for the storage: check that it can be written"
            );
        }
        lost
    }

    /// Writes what is unwritten. Returns whether there was anything. After an error, the rest waits for the next time.
    pub(super) async fn write(&mut self, store: &Storage, today: NaiveDate) -> Result<bool, Error> {
        let sending = self.files.iter().filter(|(_, file)| file.sending.is_some()).map(|(day, _)| *day);
        let mut days: Vec<_> = sending.chain(self.unwritten.keys().copied()).collect();
        days.sort_unstable();
        days.dedup();
        for day in &days {
            self.write_day(store, *day).await?;
        }
        // A download that was counted before midnight may come a little later.
        self.files
            .retain(|day, file| file.sending.is_some() || day.succ_opt().is_none_or(|next| next >= today));
        Ok(!days.is_empty())
    }

    async fn write_day(&mut self, store: &Storage, day: NaiveDate) -> Result<(), Error> {
        let mut rewritten = 0;
        while self.begin_write(day)? {
            let Some((file, sending)) = self.sending(day) else { return Ok(()) };
            let when = file.base.clone().map_or(When::Absent, When::Matches);
            let (path, bytes) = (file.path.clone(), sending.bytes.clone());
            match store.put(&path, bytes, when).await? {
                PutOutcome::Stored(etag) => self.landed(day, etag),
                PutOutcome::Conflict => {
                    let found = store.get(&path).await?;
                    let conflict = file_conflict(file, sending, found.as_ref());
                    rewritten += usize::from(matches!(conflict, Conflict::Rewritten(_)));
                    if rewritten > ATTEMPTS {
                        return Err(Error::Busy);
                    }
                    self.resolve(day, conflict);
                }
            }
        }
        Ok(())
    }

    /// Begins a write of the day, unless one has begun. Returns `false` if there is nothing to write.
    fn begin_write(&mut self, day: NaiveDate) -> Result<bool, Error> {
        if self.files.get(&day).is_some_and(|file| file.sending.is_some()) {
            return Ok(true);
        }
        let Some(unwritten) = self.unwritten.get_mut(&day) else { return Ok(false) };
        let mut counts = unwritten.take_about(LARGE);
        if unwritten.is_empty() {
            self.unwritten.remove(&day);
        }
        if !self.files.contains_key(&day) {
            let new_id = || const_hex::encode(random_bytes::<8>(&*self.randomness));
            let id = format!("{}-{}", self.process.get_or_insert_with(new_id), self.generation);
            self.generation += 1;
            let path = DayObject::path_of(day, &id)?;
            self.files.insert(day, DayFile { path, base: None, written: Counts::default(), sending: None });
        }
        if let Some(file) = self.files.get_mut(&day) {
            counts.add_all(&file.written);
            let bytes = DayDocument::open(counts.clone()).to_bytes()?;
            file.sending = Some(Sending { bytes, counts });
        }
        Ok(true)
    }

    fn sending(&self, day: NaiveDate) -> Option<(&DayFile, &Sending)> {
        let file = self.files.get(&day)?;
        Some((file, file.sending.as_ref()?))
    }

    /// The object has what was to be written. A large one is the last of its generation.
    fn landed(&mut self, day: NaiveDate, etag: BlobETag) {
        let Some(file) = self.files.get_mut(&day) else { return };
        let Some(Sending { bytes, counts }) = file.sending.take() else { return };
        if bytes.len() >= LARGE {
            self.files.remove(&day);
        } else {
            (file.base, file.written) = (Some(etag), counts);
        }
    }

    fn resolve(&mut self, day: NaiveDate, conflict: Conflict) {
        match conflict {
            Conflict::Landed(etag) => return self.landed(day, etag),
            Conflict::Rewritten(etag) => {
                if let Some(file) = self.files.get_mut(&day) {
                    file.base = Some(etag);
                }
                return;
            }
            Conflict::ClosedWith | Conflict::ClosedWithout | Conflict::Unknown => {}
        }
        let Some(DayFile { path, written, sending: Some(sending), .. }) = self.files.remove(&day) else {
            return;
        };
        let unsure = sending.counts.beyond(&written);
        match conflict {
            Conflict::ClosedWithout => self.unwritten.entry(day).or_default().add_all(&unsure),
            Conflict::Unknown => {
                self.lost += unsure.total();
                tracing::warn!(
                    %path, downloads = unsure.total(),
                    "dropped counts of downloads, because the storage does not tell whether it has them"
                );
            }
            _ => {}
        }
    }
}

fn file_conflict(file: &DayFile, sending: &Sending, found: Option<&Blob>) -> Conflict {
    let Some(found) = found else { return Conflict::Unknown };
    if found.bytes == sending.bytes {
        return Conflict::Landed(found.etag.clone());
    }
    let Ok(document) = DayDocument::parse(&file.path, &found.bytes) else { return Conflict::Unknown };
    match document.is_closed {
        true if document.packages == sending.counts => Conflict::ClosedWith,
        true if document.packages == file.written => Conflict::ClosedWithout,
        false if document.packages == file.written && file.base.is_some() => {
            Conflict::Rewritten(found.etag.clone())
        }
        _ => Conflict::Unknown,
    }
}
