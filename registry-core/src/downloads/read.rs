use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::Shared;
use super::counts::{Counts, PLACES, place_of};
use super::day::{DayDocument, DayObject, list_days};
use super::month::MonthShard;
use crate::Error;
use crate::domain::{DownloadPeriod, PackageName, Version};

/// How many objects are read concurrently.
const AT_ONCE: usize = 8;

/// How often a version was downloaded on a day, or a part of that.
pub(super) struct Download<'a> {
    pub(super) day: NaiveDate,
    pub(super) name: &'a PackageName,
    pub(super) version: &'a Version,
    pub(super) count: u64,
}

impl Shared {
    /// Calls `each` with the counts of the period, of all packages or of those that are wanted.
    ///
    /// The objects of days are read first, and then the months: an object that is folded meanwhile is then in both, and
    /// the month says so.
    pub(super) async fn read(
        &self,
        period: DownloadPeriod,
        wanted: Option<&BTreeSet<PackageName>>,
        mut each: impl FnMut(Download<'_>) + Send,
    ) -> Result<(), Error> {
        let days = self.read_days(period).await?;
        let places: BTreeSet<_> = match wanted {
            Some(names) => names.iter().map(place_of).collect(),
            None => (0..PLACES).collect(),
        };
        let shards: Vec<_> = period
            .months()
            .into_iter()
            .flat_map(|month| places.iter().map(move |place| (month, *place)))
            .collect();
        let mut shards =
            stream::iter(shards).map(|(month, place)| self.read_shard(month, place)).buffered(AT_ONCE);
        while let Some((month, place, shard)) = shards.try_next().await? {
            let mut tell = |day, name: &PackageName, version: &Version, count| {
                if period.holds(day) && wanted.is_none_or(|wanted| wanted.contains(name)) {
                    each(Download { day, name, version, count });
                }
            };
            for (day, name, version, count) in shard.iter(month) {
                tell(day, name, version, count);
            }
            let is_of_month = |day: NaiveDate| (day.year(), day.month()) == (month.year(), month.month());
            let unfolded = days
                .iter()
                .filter(|(object, _)| is_of_month(object.day) && !shard.folded.contains_key(&object.id));
            for (object, counts) in unfolded {
                for (name, version, count) in counts.iter().filter(|(name, ..)| place_of(name) == place) {
                    tell(object.day, name, version, count);
                }
            }
        }
        Ok(())
    }

    async fn read_days(&self, period: DownloadPeriod) -> Result<Vec<(DayObject, Counts)>, Error> {
        let mut objects = list_days(&self.store).await?;
        objects.retain(|object| period.holds(object.day));
        let read = |object: DayObject| async move {
            // It may have been folded since it was listed.
            let Some(blob) = self.store.get(&object.path).await? else { return Ok(None) };
            let document = DayDocument::parse(&object.path, &blob.bytes)?;
            Ok::<_, Error>(Some((object, document.packages)))
        };
        stream::iter(objects)
            .map(read)
            .buffered(AT_ONCE)
            .try_filter_map(async |read| Ok(read))
            .try_collect()
            .await
    }

    async fn read_shard(
        &self,
        month: NaiveDate,
        place: usize,
    ) -> Result<(NaiveDate, usize, MonthShard), Error> {
        let path = MonthShard::path_of(month, place)?;
        let stored = self.store.get(&path).await?;
        Ok((month, place, MonthShard::parse(&path, stored.as_ref())?))
    }
}
