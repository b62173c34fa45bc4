use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{PackageName, Version};

/// How many shards share the packages, in memory and in the documents of a month.
pub(super) const PLACES: usize = 16;

/// Package → version → downloads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Counts(BTreeMap<PackageName, BTreeMap<Version, u64>>);

/// Returns the shard of a package. It is the same in every process and release: stored documents are named after it.
pub(super) fn place_of(name: &PackageName) -> usize {
    // FNV-1a, and the end of MurmurHash3, without which similar names get few places.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let mut hash = name.as_str().bytes().fold(0x811c_9dc5, step);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as usize % PLACES
}

/// Adds counts up. Stored ones may be of any size.
pub(super) fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many versions have a count.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub(super) fn total(&self) -> u64 {
        sum(self.iter().map(|(_, _, count)| count))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&PackageName, &Version, u64)> {
        self.0
            .iter()
            .flat_map(|(name, versions)| versions.iter().map(move |(version, count)| (name, version, *count)))
    }

    pub(super) fn add(&mut self, name: &PackageName, version: &Version, count: u64) {
        if !self.0.contains_key(name) {
            self.0.insert(name.clone(), BTreeMap::new());
        }
        if let Some(versions) = self.0.get_mut(name) {
            let sum = versions.entry(version.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    pub(super) fn add_all(&mut self, others: &Self) {
        for (name, version, count) in others.iter() {
            self.add(name, version, count);
        }
    }

    /// Returns what these counts have beyond `others`.
    pub(super) fn beyond(&self, others: &Self) -> Self {
        let mut beyond = Self::default();
        for (name, version, count) in self.iter() {
            let other = others.0.get(name).and_then(|versions| versions.get(version)).copied();
            let more = count.saturating_sub(other.unwrap_or_default());
            if more > 0 {
                beyond.add(name, version, more);
            }
        }
        beyond
    }

    /// Moves packages out of these counts until those take about this many bytes as JSON; at least one.
    pub(super) fn take_about(&mut self, bytes: usize) -> Self {
        let (mut taken, mut size) = (Self::default(), 0);
        while size < bytes
            && let Some((name, versions)) = self.0.pop_first()
        {
            let of_versions: usize = versions.keys().map(|version| version.as_str().len() + 10).sum();
            size += name.as_str().len() + 6 + of_versions;
            taken.0.insert(name, versions);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> PackageName {
        PackageName::parse(name).unwrap()
    }

    #[test]
    fn stored_documents_are_found_again() {
        let places = ["pear", "@acme/pear", "left-pad", "JSONStream"].map(|text| place_of(&name(text)));
        assert_eq!(places, [5, 8, 0, 7]);
        let used: std::collections::BTreeSet<_> =
            (0..200).map(|number| place_of(&name(&format!("p{number}")))).collect();
        assert_eq!(used.len(), PLACES);
        assert_eq!(used.last(), Some(&(PLACES - 1)));
    }

    #[test]
    fn what_is_beyond_adds_up_again() {
        let (one, two) = (Version::parse("1.0.0").unwrap(), Version::parse("2.0.0").unwrap());
        let mut before = Counts::default();
        before.add(&name("pear"), &one, 2);
        let mut after = before.clone();
        after.add(&name("pear"), &one, 3);
        after.add(&name("fig"), &two, 1);
        let beyond = after.beyond(&before);
        assert_eq!((beyond.len(), beyond.total()), (2, 4));
        before.add_all(&beyond);
        assert_eq!(before, after);
    }
}
