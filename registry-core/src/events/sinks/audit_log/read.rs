use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use crate::events::RecentIds;
use crate::storage::{BlobError, BlobPath, BlobPathError, BlobStore, Key};

/// How many batches are fetched concurrently.
const AT_ONCE: usize = 8;
/// How long a record is held back, in the log's own time, for earlier records of other processes.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);
/// The most records that are held back.
const MOST_HELD: usize = 50_000;

/// Why the audit log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditLogError {
    /// The store failed or rejected the request.
    #[error("the storage of the audit log did not answer")]
    Store(#[from] BlobError),
    /// A line is not a record. The other lines can still be read.
    #[error("line {line} of {path} in the audit log is damaged")]
    Damaged {
        /// The batch.
        path: BlobPath,
        /// The line, counted from 1.
        line: usize,
    },
    /// A folder in the log has an invalid name.
    #[error("a folder of the audit log has a name that cannot be read")]
    Folder(#[from] BlobPathError),
}

/// A period of time, including both ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditSpan {
    /// The earliest time. Older batches are not fetched.
    pub since: Option<DateTime<Utc>>,
    /// The latest time.
    pub until: Option<DateTime<Utc>>,
}

/// An event, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The JSON form of an [`Event`](crate::events::Event).
    pub fields: Map<String, Value>,
}

/// Streams the audit log, oldest record first.
///
/// Records of several processes are merged by time; a record that was delivered more than a minute late is returned
/// at its delivery time. A damaged line is an error among the records, after which the stream continues.
pub fn read_audit_log(
    store: Arc<dyn BlobStore>,
    span: AuditSpan,
) -> BoxStream<'static, Result<AuditRecord, AuditLogError>> {
    let listing = Arc::clone(&store);
    let batches = async move { Ok::<_, AuditLogError>(batches(&listing, days(&*listing).await?, span)) };
    let read = stream::once(batches).try_flatten().map(move |batch| {
        let store = Arc::clone(&store);
        async move { fetch(&*store, batch?).await }
    });
    let reader = Reader {
        batches: read.buffered(AT_ONCE).boxed(),
        span,
        held: BTreeMap::new(),
        ready: VecDeque::new(),
        count: 0,
        seen: RecentIds::default(),
        ended: false,
    };
    stream::unfold(reader, async |mut reader| reader.next().await.map(|next| (next, reader))).boxed()
}

/// A batch, as described by its name.
#[derive(Debug, Clone)]
struct Batch {
    path: BlobPath,
    delivered: DateTime<Utc>,
    first: DateTime<Utc>,
}

type Fetched = (DateTime<Utc>, Vec<Result<AuditRecord, AuditLogError>>);

/// Returns the days in the log, as `2026/01/02`, oldest first.
pub(super) async fn days(store: &dyn BlobStore) -> Result<Vec<String>, AuditLogError> {
    let mut spans = vec![None::<String>];
    for _ in ["year", "month", "day"] {
        let mut below = Vec::new();
        for span in spans {
            for folder in store.list_folders(&Key::audit_log_of(span.as_deref())?).await? {
                below.push(Some(
                    span.as_ref().map_or_else(|| folder.clone(), |span| format!("{span}/{folder}")),
                ));
            }
        }
        spans = below;
    }
    Ok(spans.into_iter().flatten().collect())
}

pub(super) fn day_of(day: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(day, "%Y/%m/%d").ok()
}

/// Returns the batches that may contain records of the span, in order of delivery.
fn batches(
    store: &Arc<dyn BlobStore>,
    days: Vec<String>,
    span: AuditSpan,
) -> BoxStream<'static, Result<Batch, AuditLogError>> {
    // No event is delivered before it happens.
    let is_late_enough = move |day: &String| {
        day_of(day).is_some_and(|day| span.since.is_none_or(|since| day >= since.date_naive()))
    };
    let store = Arc::clone(store);
    let days = stream::iter(days.into_iter().filter(is_late_enough));
    let listed = days.flat_map(move |day| match Key::audit_log_of(Some(&day)) {
        Ok(folder) => store.list(&folder).map_err(AuditLogError::from).boxed(),
        Err(error) => stream::iter([Err(error.into())]).boxed(),
    });
    let wanted = move |batch: &Batch| {
        span.since.is_none_or(|since| batch.delivered >= since)
            && span.until.is_none_or(|until| batch.first <= until)
    };
    listed.try_filter_map(move |listed| ready(Ok(Batch::of(listed.path).filter(wanted)))).boxed()
}

impl Batch {
    /// Parses a path; `None` if it is not the name of a batch.
    fn of(path: BlobPath) -> Option<Self> {
        let text = path.as_str().strip_suffix(".jsonl")?.to_owned();
        let mut parts = text.rsplitn(3, '-');
        let (_id, first, delivered) = (parts.next()?, parts.next()?, parts.next()?);
        let delivered = NaiveDateTime::parse_from_str(delivered, "_log/%Y/%m/%d/%H%M%S%6f").ok()?.and_utc();
        let first = DateTime::from_timestamp_millis(first.parse().ok()?)?;
        Some(Self { path, delivered, first })
    }
}

async fn fetch(store: &dyn BlobStore, batch: Batch) -> Result<Fetched, AuditLogError> {
    let Batch { path, delivered, .. } = batch;
    // The batch may have been removed since it was listed.
    let bytes = store.get(&path).await?.map(|blob| blob.bytes).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
    let read = |(text, line)| parse(text).ok_or_else(|| AuditLogError::Damaged { path: path.clone(), line });
    Ok((delivered, lines.map(read).collect()))
}

fn parse(line: &[u8]) -> Option<AuditRecord> {
    let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let time = fields.get("time")?.as_str()?.parse().ok()?;
    Some(AuditRecord { time, fields })
}

/// Merges records by time: those of one process are in order, those of several only within a minute.
struct Reader {
    batches: BoxStream<'static, Result<Fetched, AuditLogError>>,
    span: AuditSpan,
    /// By time, then in order of arrival.
    held: BTreeMap<(DateTime<Utc>, u64), AuditRecord>,
    ready: VecDeque<Result<AuditRecord, AuditLogError>>,
    count: u64,
    /// The ids of changes that were read.
    seen: RecentIds,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<AuditRecord, AuditLogError>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if self.ended {
                return self.held.pop_first().map(|(_, record)| Ok(record));
            }
            match self.batches.next().await {
                None => self.ended = true,
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok((delivered, records))) => self.take(delivered, records),
            }
        }
    }

    fn take(&mut self, delivered: DateTime<Utc>, records: Vec<Result<AuditRecord, AuditLogError>>) {
        for record in records {
            match record {
                // After a crash, another process may have written an event again.
                Ok(record) if self.is_repeated(&record) => {}
                Ok(record) if self.is_wanted(&record) => {
                    self.count += 1;
                    self.held.insert((record.time, self.count), record);
                }
                Ok(_) => {}
                Err(error) => self.ready.push_back(Err(error)),
            }
        }
        let horizon = delivered - PATIENCE;
        while let Some(first) = self.held.first_entry() {
            if first.key().0 >= horizon && self.held.len() <= MOST_HELD {
                break;
            }
            self.ready.extend(self.held.pop_first().map(|(_, record)| Ok(record)));
        }
    }

    fn is_repeated(&self, record: &AuditRecord) -> bool {
        let id = record.fields.get("event-id").and_then(Value::as_str);
        id.is_some_and(|id| !self.seen.insert(id))
    }

    fn is_wanted(&self, record: &AuditRecord) -> bool {
        self.span.since.is_none_or(|since| record.time >= since)
            && self.span.until.is_none_or(|until| record.time <= until)
    }
}
