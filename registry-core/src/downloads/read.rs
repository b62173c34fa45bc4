//! Reads the counts of a period: few reads at a time, and of each only few files at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Semaphore;

use super::Shared;
use super::daily_counts::DownloadCounts;
use super::day::{DayObject, damaged, list_days};
use super::gather::{ByPackage, ByVersion, Gather, Names};
use super::month::MonthShard;
use super::scan::{Folded, scan_day, scan_month};
use super::wanted::Wanted;
use crate::Error;
use crate::concurrency::{SingleFlight, compute};
use crate::domain::DownloadPeriod;
use crate::storage::BlobPath;

/// How many reads run at a time. Others wait.
const READS: usize = 2;
/// How many objects a read has in memory at a time. One of a day has about 1 MiB at most.
const AT_ONCE: usize = 4;

/// The first and the last day, and the packages.
type Asked = (NaiveDate, NaiveDate, Wanted);

/// The reads in progress. Callers that ask for the same share one.
pub(super) struct Reads {
    permits: Semaphore,
    pub(super) by_package: SingleFlight<Asked, ByPackage>,
    pub(super) by_version: SingleFlight<Asked, ByVersion>,
    pub(super) names: SingleFlight<Asked, Names>,
    pub(super) totals: SingleFlight<Asked, DownloadCounts>,
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(READS),
            by_package: SingleFlight::default(),
            by_version: SingleFlight::default(),
            names: SingleFlight::default(),
            totals: SingleFlight::default(),
        }
    }
}

/// What to do with an object that cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unreadable {
    /// Fail: what it has is not known.
    Fails,
    /// Leave it out, and say so in the log: a number that lacks it is better than none.
    IsLeftOut,
}

impl Unreadable {
    fn decide<T>(self, path: &BlobPath, parsed: Result<T, serde_json::Error>) -> Result<Option<T>, Error> {
        match (parsed, self) {
            (Ok(parsed), _) => Ok(Some(parsed)),
            (Err(error), Self::Fails) => Err(damaged(path, &error)),
            (Err(error), Self::IsLeftOut) => {
                tracing::warn!(
                    %path, %error,
                    "left counts of downloads out, because they cannot be read: restore the file, or delete it"
                );
                Ok(None)
            }
        }
    }
}

/// Which counts are read.
pub(super) struct Question {
    pub(super) period: DownloadPeriod,
    pub(super) wanted: Wanted,
    pub(super) unreadable: Unreadable,
}

/// What is kept of the object of a day, by shard.
struct DayPart<Kept> {
    day: NaiveDate,
    id: String,
    places: BTreeMap<usize, Kept>,
}

/// What is kept of a shard of a month.
struct MonthPart<Kept> {
    month: NaiveDate,
    place: usize,
    folded: Folded,
    kept: Kept,
}

impl Shared {
    /// Gathers counts of the period. Callers that ask for the same at the same time share one read. An object that
    /// cannot be parsed is left out.
    pub(super) async fn share<Kept: Gather>(
        &self,
        flights: &SingleFlight<Asked, Kept>,
        period: DownloadPeriod,
        wanted: Wanted,
        empty: Kept,
    ) -> Result<Arc<Kept>, Error> {
        let asked = (period.first(), period.last(), wanted.clone());
        let question = Question { period, wanted, unreadable: Unreadable::IsLeftOut };
        let begin = empty.clone();
        let lookup = async { Ok::<_, Error>(Some(Arc::new(self.read(&question, begin).await?))) };
        // A read always finds something, if only that there are no counts.
        Ok(flights.run(&asked, lookup).await?.unwrap_or_else(|| Arc::new(empty)))
    }

    /// Gathers counts of the period into `all`, which is empty.
    ///
    /// The objects of days are read first, and then the months: an object that is folded meanwhile is then in both, and
    /// the month says so.
    pub(super) async fn read<Kept: Gather>(&self, question: &Question, mut all: Kept) -> Result<Kept, Error> {
        let _permit = self.reads.permits.acquire().await.map_err(Error::internal)?;
        let empty = all.clone();
        let mut days = self.read_days(question, &mut all, &empty).await?;
        let places = question.wanted.places();
        let shards: Vec<_> = question
            .period
            .months()
            .into_iter()
            .flat_map(|month| places.iter().map(move |place| (month, *place)))
            .collect();
        let mut shards = stream::iter(shards)
            .map(|(month, place)| self.read_shard(question, month, place, empty.clone()))
            .buffered(AT_ONCE);
        while let Some(MonthPart { month, place, folded, kept }) = shards.try_next().await? {
            all.merge(kept);
            let is_of_month = |day: NaiveDate| (day.year(), day.month()) == (month.year(), month.month());
            let unfolded =
                days.iter_mut().filter(|part| is_of_month(part.day) && !folded.contains_key(&part.id));
            for kept in unfolded.filter_map(|part| part.places.remove(&place)) {
                all.merge(kept);
            }
        }
        Ok(all)
    }

    /// Reads the objects of days. What may be added twice goes into `all` at once, and the rest is for when the months
    /// are read.
    async fn read_days<Kept: Gather>(
        &self,
        question: &Question,
        all: &mut Kept,
        empty: &Kept,
    ) -> Result<Vec<DayPart<Kept>>, Error> {
        let mut objects = list_days(&self.store).await?;
        objects.retain(|object| question.period.holds(object.day));
        let mut parts = stream::iter(objects)
            .map(|object| self.read_day(question, object, empty.clone()))
            .buffered(AT_ONCE);
        let mut days = Vec::new();
        while let Some(part) = parts.try_next().await? {
            let Some(part) = part else { continue };
            if Kept::IS_SET {
                for kept in part.places.into_values() {
                    all.merge(kept);
                }
            } else {
                days.push(part);
            }
        }
        Ok(days)
    }

    async fn read_day<Kept: Gather>(
        &self,
        question: &Question,
        object: DayObject,
        empty: Kept,
    ) -> Result<Option<DayPart<Kept>>, Error> {
        // It may have been folded since it was listed.
        let Some(blob) = self.store.get(&object.path).await? else { return Ok(None) };
        let (wanted, day) = (question.wanted.clone(), object.day);
        let scanned = compute(blob.bytes.len(), move || scan_day(&blob.bytes, &wanted, day, empty)).await?;
        let places = question.unreadable.decide(&object.path, scanned)?;
        Ok(places.map(|places| DayPart { day, id: object.id, places }))
    }

    async fn read_shard<Kept: Gather>(
        &self,
        question: &Question,
        month: NaiveDate,
        place: usize,
        empty: Kept,
    ) -> Result<MonthPart<Kept>, Error> {
        let nothing = MonthPart { month, place, folded: Folded::new(), kept: empty.clone() };
        let path = MonthShard::path_of(month, place)?;
        let Some(blob) = self.store.get(&path).await? else { return Ok(nothing) };
        let (wanted, period) = (question.wanted.clone(), question.period);
        let scanned =
            compute(blob.bytes.len(), move || scan_month(&blob.bytes, &wanted, period, month, empty)).await?;
        let read = question.unreadable.decide(&path, scanned)?;
        Ok(read.map_or(nothing, |(folded, kept)| MonthPart { month, place, folded, kept }))
    }
}
