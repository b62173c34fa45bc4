use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

use super::counts::{Counts, PLACES, place_of};
use crate::domain::{PackageName, Version};

/// The most versions that each shard counts: together a few dozen MiB.
const MOST_IN_SHARD: usize = 16_384;

/// The downloads since the last flush. A lock is held for one lookup, and packages rarely share one.
#[derive(Debug, Default)]
pub(super) struct Tally([Mutex<Shard>; PLACES]);

#[derive(Debug, Default)]
struct Shard {
    days: BTreeMap<NaiveDate, HashMap<PackageName, HashMap<Version, u64>>>,
    /// How many versions are in there.
    versions: usize,
}

impl Tally {
    /// Counts a download. Allocates only for a version that was not downloaded lately. Returns how many downloads were lost
    /// because there is no room.
    pub(super) fn add(&self, day: NaiveDate, name: &PackageName, version: &Version) -> u64 {
        let mut shard = lock(&self.0[place_of(name)]);
        let known = shard.days.get_mut(&day).and_then(|packages| packages.get_mut(name)?.get_mut(version));
        if let Some(count) = known {
            *count += 1;
            return 0;
        }
        let mut lost = 0;
        if shard.versions >= MOST_IN_SHARD {
            match shard.drop_oldest_before(day) {
                Some(dropped) => lost = dropped,
                None => return 1,
            }
        }
        let versions = shard.days.entry(day).or_default().entry(name.clone()).or_default();
        versions.insert(version.clone(), 1);
        shard.versions += 1;
        lost
    }

    /// Takes the counts, and keeps room for versions that were downloaded since the last time, so that the next download
    /// of them allocates nothing.
    pub(super) fn take(&self) -> BTreeMap<NaiveDate, Counts> {
        let mut taken: BTreeMap<NaiveDate, Counts> = BTreeMap::new();
        for shard in &self.0 {
            lock(shard).move_into(&mut taken);
        }
        taken
    }

    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            let mut versions = shard.days.values().flat_map(HashMap::values).flat_map(HashMap::values);
            versions.all(|count| *count == 0)
        };
        self.0.iter().all(is_empty)
    }
}

impl Shard {
    fn move_into(&mut self, taken: &mut BTreeMap<NaiveDate, Counts>) {
        let mut kept = 0;
        self.days.retain(|day, packages| {
            let counts = taken.entry(*day).or_default();
            packages.retain(|name, versions| {
                versions.retain(|version, count| {
                    let taken = std::mem::take(count);
                    if taken > 0 {
                        counts.add(name, version, taken);
                    }
                    taken > 0
                });
                kept += versions.len();
                !versions.is_empty()
            });
            if counts.is_empty() {
                taken.remove(day);
            }
            !packages.is_empty()
        });
        self.versions = kept;
    }

    /// Drops the oldest day, if it is before `day`. Returns how many downloads were lost; `None` if there is no such day.
    fn drop_oldest_before(&mut self, day: NaiveDate) -> Option<u64> {
        let oldest = self.days.first_entry().filter(|oldest| *oldest.key() < day)?.remove();
        self.versions -= oldest.values().map(HashMap::len).sum::<usize>();
        Some(oldest.values().flat_map(HashMap::values).sum())
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    #[test]
    fn what_is_taken_is_counted_once() {
        let (tally, pear) = (Tally::default(), PackageName::parse("pear").unwrap());
        let version = Version::parse("1.0.0").unwrap();
        for on in [1, 1, 2] {
            assert_eq!(tally.add(day(on), &pear, &version), 0);
        }
        let taken = tally.take();
        assert_eq!(taken.values().map(Counts::total).collect::<Vec<_>>(), [2, 1]);
        assert!(tally.is_empty() && tally.take().is_empty());
        assert!(lock(&tally.0[place_of(&pear)]).days.is_empty(), "what is not downloaded again leaves");
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_day_goes_first() {
        let (tally, pear) = (Tally::default(), PackageName::parse("pear").unwrap());
        let version = |number: usize| Version::parse(&format!("{number}.0.0")).unwrap();
        for number in 0..MOST_IN_SHARD {
            assert_eq!(tally.add(day(1), &pear, &version(number)), 0);
        }
        assert_eq!(tally.add(day(1), &pear, &version(MOST_IN_SHARD)), 1);
        assert_eq!(tally.add(day(1), &pear, &version(0)), 0, "what is known is counted still");
        assert_eq!(tally.add(day(2), &pear, &version(0)), MOST_IN_SHARD as u64 + 1);
        let taken = tally.take();
        assert_eq!(taken.keys().collect::<Vec<_>>(), [&day(2)]);
    }
}
