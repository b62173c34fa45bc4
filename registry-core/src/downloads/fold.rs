//! Days that are over move into the documents of their month.
//!
//! An object of a day is closed first, so that its process writes no more into it. Then its counts are added to each
//! shard of the month, which lists its id with them, and then it is deleted. Any step may be repeated, by any process:
//! a shard that lists the id has the counts, and no other shard has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt as _;

use super::Shared;
use super::counts::{Counts, PLACES, place_of};
use super::day::{DayDocument, DayObject, list_days};
use super::month::{MonthShard, last_day_of};
use crate::Error;
use crate::storage::{Blob, BlobDecision, BlobPath, BlobPrefix, Key};

/// For how many days an id stays listed after its object was folded. No fold takes that long, so none adds counts that
/// it read before the object was deleted.
const LISTED_DAYS: Days = Days::new(2);
/// How long a fold may take.
const PATIENCE: TimeDelta = TimeDelta::hours(1);
/// How many objects are in memory at a time, of about 1 MiB at most.
const AT_A_TIME: usize = 32;

/// A fold in progress.
struct Fold {
    began: DateTime<Utc>,
    /// The ids of the objects of days that were there when it began.
    listed: BTreeSet<String>,
}

impl Shared {
    /// Folds all days before yesterday, and deletes months that are no longer kept. Days until yesterday may still be
    /// written, because clocks differ.
    pub(super) async fn fold(&self) -> Result<(), Error> {
        let objects = list_days(&self.store).await?;
        let fold =
            Fold { began: self.now(), listed: objects.iter().map(|object| object.id.clone()).collect() };
        let today = fold.began.date_naive();
        let mut over: BTreeMap<NaiveDate, Vec<DayObject>> = BTreeMap::new();
        for object in objects {
            if object.day.checked_add_days(Days::new(1)).is_some_and(|next| next < today) {
                over.entry(object.day).or_default().push(object);
            }
        }
        for (day, objects) in over {
            for some in objects.chunks(AT_A_TIME) {
                self.fold_day(&fold, day, some).await?;
            }
        }
        self.delete_old_months(today).await
    }

    async fn fold_day(&self, fold: &Fold, day: NaiveDate, objects: &[DayObject]) -> Result<(), Error> {
        let mut closed = Vec::with_capacity(objects.len());
        for object in objects {
            closed.extend(self.close(object).await?.map(|counts| (object, counts)));
        }
        for place in 0..PLACES {
            let has_any = |counts: &Counts| counts.iter().any(|(name, ..)| place_of(name) == place);
            let some: Vec<_> = closed.iter().filter(|(_, counts)| has_any(counts)).collect();
            if some.is_empty() {
                continue;
            }
            let path = MonthShard::path_of(day, place)?;
            let decide = |stored: Option<&Blob>| -> Result<_, Error> {
                self.check_time(fold)?;
                let mut shard = MonthShard::parse(&path, stored)?;
                let today = fold.began.date_naive();
                let mut is_changed = false;
                for (object, counts) in &some {
                    if !shard.folded.contains_key(&object.id) {
                        shard.folded.insert(object.id.clone(), today);
                        shard.add(place, day, counts);
                        is_changed = true;
                    }
                }
                if !is_changed {
                    return Ok(BlobDecision::Keep(()));
                }
                shard.folded.retain(|id, on| fold.listed.contains(id) || is_recent(*on, today));
                Ok(BlobDecision::Write(shard.to_bytes()?, ()))
            };
            self.store.update_with(&path, decide).await?;
        }
        for (object, _) in &closed {
            self.store.delete(&object.path).await?;
        }
        Ok(())
    }

    /// Closes an object, and returns its counts; `None` if it is gone.
    async fn close(&self, object: &DayObject) -> Result<Option<Counts>, Error> {
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let Some(stored) = stored else { return Ok(BlobDecision::Keep(None)) };
            let mut document = DayDocument::parse(&object.path, &stored.bytes)?;
            if document.is_closed {
                return Ok(BlobDecision::Keep(Some(document.packages)));
            }
            document.is_closed = true;
            Ok(BlobDecision::Write(document.to_bytes()?, Some(document.packages)))
        };
        self.store.update_with(&object.path, decide).await
    }

    fn check_time(&self, fold: &Fold) -> Result<(), Error> {
        if self.now() - fold.began < PATIENCE { Ok(()) } else { Err(Error::Busy) }
    }

    async fn delete_old_months(&self, today: NaiveDate) -> Result<(), Error> {
        let months = Key::download_months()?;
        let Some(oldest) = today.checked_sub_days(Days::new(self.settings.keep_days.into())) else {
            return Ok(());
        };
        for month in self.store.list_folders(&months).await? {
            if last_day_of(&month).is_none_or(|last| last >= oldest) {
                continue;
            }
            let Some(folder) = months.path() else { continue };
            let folder = BlobPrefix::folder(BlobPath::parse(&format!("{folder}/{month}"))?);
            let mut shards = self.store.list(&folder);
            while let Some(shard) = shards.try_next().await? {
                self.store.delete(&shard.path).await?;
            }
        }
        Ok(())
    }
}

fn is_recent(folded_on: NaiveDate, today: NaiveDate) -> bool {
    folded_on.checked_add_days(LISTED_DAYS).is_none_or(|until| until >= today)
}
