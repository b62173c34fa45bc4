use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::Version;
use crate::domain::packument::Packument;

use super::channel::channel_of;
use super::{JudgedVersion, Keep, KeepReason, VersionUsage};

/// What prereleases of a channel are ordered by, and the key of the version.
type ByTime<'version, 'key> = (Reverse<Option<DateTime<Utc>>>, Reverse<&'version Version>, &'key str);

impl Keep {
    /// Says of each version of a packument, in its order, why it stays.
    pub(crate) fn judge(
        &self,
        packument: &Packument<'_>,
        usage: &VersionUsage,
        now: DateTime<Utc>,
    ) -> Vec<JudgedVersion> {
        let versions: Vec<Known<'_>> =
            packument.versions.keys().map(|key| Known::of(packument, key.as_str())).collect();
        let ranked = self.ranked(&versions);
        let tags = tags_by_version(packument);
        let highest = highest(&versions);
        let judge = |known: &Known<'_>| {
            let mut kept_by: Vec<_> = tags.get(known.key).cloned().unwrap_or_default();
            kept_by.extend(ranked.get(known.key).cloned());
            kept_by.extend(self.keep_young(known, now));
            kept_by.extend(self.keep_newcomer(known, now));
            kept_by.extend(self.keep_used(known, usage, now));
            if kept_by.is_empty() && highest == Some(known.key) {
                kept_by.push(KeepReason::Highest);
            }
            JudgedVersion { version: known.key.to_owned(), kept_by }
        };
        versions.iter().map(judge).collect()
    }

    /// Returns the versions that their place keeps.
    fn ranked<'a>(&self, versions: &[Known<'a>]) -> HashMap<&'a str, KeepReason> {
        let mut kept = HashMap::new();
        let mut releases = Vec::new();
        let mut channels: BTreeMap<&str, Vec<ByTime<'_, 'a>>> = BTreeMap::new();
        for known in versions {
            match &known.version {
                None => drop(kept.insert(known.key, KeepReason::NotAVersion)),
                Some(version) if version.is_prerelease() => {
                    let place = (Reverse(known.published), Reverse(version), known.key);
                    channels.entry(channel_of(version)).or_default().push(place);
                }
                Some(version) => releases.push((Reverse(version), known.key)),
            }
        }
        releases.sort();
        for (place, (_, key)) in (1..).zip(releases) {
            kept.extend(self.keep_release(place).map(|reason| (key, reason)));
        }
        for (channel, mut prereleases) in channels {
            prereleases.sort();
            for (place, (_, _, key)) in (1..).zip(prereleases) {
                kept.extend(self.keep_prerelease(channel, place).map(|reason| (key, reason)));
            }
        }
        kept
    }

    fn keep_release(&self, place: usize) -> Option<KeepReason> {
        let Some(limit) = self.releases else { return Some(KeepReason::ReleasesUnlimited) };
        fits(place, limit).then_some(KeepReason::HighRelease { place })
    }

    fn keep_prerelease(&self, channel: &str, place: usize) -> Option<KeepReason> {
        let Some(limit) = self.prereleases else { return Some(KeepReason::PrereleasesUnlimited) };
        fits(place, limit).then(|| KeepReason::LatePrerelease { channel: channel.to_owned(), place })
    }

    /// A time in the future, by a clock that was wrong, keeps a version until it has passed.
    fn keep_young(&self, known: &Known<'_>, now: DateTime<Utc>) -> Option<KeepReason> {
        let Some(at) = known.published else { return Some(KeepReason::UnknownPublishTime) };
        (now - at < TimeDelta::days(self.published_days.into())).then_some(KeepReason::Published { at })
    }

    /// What was imported had no time yet to be downloaded here, however old it is.
    fn keep_newcomer(&self, known: &Known<'_>, now: DateTime<Utc>) -> Option<KeepReason> {
        let at = known.imported?;
        let days = self.published_days.max(self.downloaded_days.unwrap_or_default());
        (now - at < TimeDelta::days(days.into())).then_some(KeepReason::Imported { at })
    }

    fn keep_used(&self, known: &Known<'_>, usage: &VersionUsage, now: DateTime<Utc>) -> Option<KeepReason> {
        usage.keep(known.version.as_ref()?, now.date_naive(), self.downloaded_days?)
    }
}

/// A version of a packument, with what is read of it.
struct Known<'a> {
    key: &'a str,
    /// `None` if the key is no version.
    version: Option<Version>,
    /// `None` if it is missing or cannot be read.
    published: Option<DateTime<Utc>>,
    /// `None` if it was not imported.
    imported: Option<DateTime<Utc>>,
}

impl<'a> Known<'a> {
    fn of(packument: &Packument<'_>, key: &'a str) -> Self {
        let published = packument.time.get(key).and_then(|time| moment(time));
        let imported = packument.imported.added_at(key).and_then(moment);
        Self { key, version: Version::parse(key).ok(), published, imported }
    }
}

fn moment(time: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.to_utc())
}

fn fits(place: usize, limit: u32) -> bool {
    usize::try_from(limit).map_or(true, |limit| place <= limit)
}

fn tags_by_version<'a>(packument: &'a Packument<'_>) -> HashMap<&'a str, Vec<KeepReason>> {
    let mut tags: HashMap<&str, Vec<KeepReason>> = HashMap::new();
    for (tag, version) in &packument.dist_tags {
        tags.entry(version).or_default().push(KeepReason::Tagged { tag: tag.clone() });
    }
    tags
}

/// Returns the version that `latest` moves to if it names none. It stays, so that `latest` never moves to a prerelease because the
/// last release went, and no package loses all its versions.
fn highest<'a>(versions: &[Known<'a>]) -> Option<&'a str> {
    let known = versions.iter().filter_map(|known| Some((known.version.as_ref()?, known.key)));
    known.max_by_key(|(version, _)| (!version.is_prerelease(), *version)).map(|(_, key)| key)
}
