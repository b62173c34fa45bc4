use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::PackageName;

use super::dump::{Dump, DumpWriter, LARGEST, Packed};
use super::osv::{self, OsvError};

/// The most advisories.
const MOST: u64 = 4_000_000;
/// For how many seconds a package is remembered of which no advisory is left: its documents changed then.
const REMEMBERED: i64 = 30 * 86_400;

/// The advisories of a database, read one by one and kept in a compact form.
///
/// ```
/// use registry_core::advisories::AdvisoryDump;
/// let mut dump = AdvisoryDump::new();
/// dump.add(br#"{
///     "id": "MAL-2026-1",
///     "affected": [{ "package": { "ecosystem": "npm", "name": "pear" }, "versions": ["1.0.0"] }]
/// }"#)?;
/// assert_eq!((dump.advisories(), dump.packages()), (1, 1));
/// # Ok::<(), registry_core::advisories::OsvError>(())
/// ```
#[derive(Debug, Default)]
pub struct AdvisoryDump {
    /// Each advisory in JSON, under its package.
    packages: BTreeMap<PackageName, Vec<Box<str>>>,
    counts: AdvisoryCounts,
    bytes: u64,
    newest: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct AdvisoryCounts {
    /// Advisories.
    pub advisories: u64,
    /// Those that were withdrawn, and are left out.
    pub withdrawn: u64,
    /// Affected packages whose names no registry serves, which are left out.
    pub impossible_names: u64,
}

impl AdvisoryDump {
    /// Begins without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an advisory in OSV's format. One that was withdrawn is counted, and left out.
    pub fn add(&mut self, json: &[u8]) -> Result<(), OsvError> {
        let Some(read) = osv::read(json)? else {
            self.counts.withdrawn += 1;
            return Ok(());
        };
        self.counts.advisories += 1;
        self.counts.impossible_names += read.impossible_names as u64;
        if read.modified > self.newest {
            self.newest = read.modified;
        }
        for (name, advisory) in read.packages {
            let advisory = serde_json::to_string(&advisory)
                .map_err(|error| OsvError::Malformed { reason: error.to_string() })?;
            self.bytes += advisory.len() as u64 + 1;
            self.packages.entry(name).or_default().push(advisory.into());
        }
        if self.bytes > LARGEST - (64 << 20) {
            return Err(OsvError::TooMuch {
                limit: format!("{} MiB in its compact form", (LARGEST >> 20) - 64),
            });
        }
        if self.counts.advisories > MOST {
            return Err(OsvError::TooMuch { limit: format!("{MOST} advisories") });
        }
        Ok(())
    }

    /// The number of advisories.
    pub fn advisories(&self) -> u64 {
        self.counts.advisories
    }

    /// The number of packages that advisories name.
    pub fn packages(&self) -> usize {
        self.packages.len()
    }

    /// What was read.
    pub fn counts(&self) -> AdvisoryCounts {
        self.counts
    }

    /// When the newest advisory was changed, by its database.
    pub(super) fn newest(&self) -> Option<&str> {
        self.newest.as_deref()
    }

    /// Packs them. A package of which `before` says the same keeps the time of its last change.
    pub(super) fn pack(mut self, before: Option<&Dump>, now: DateTime<Utc>) -> std::io::Result<Packed> {
        let now = now.timestamp();
        let forgotten = before.into_iter().flat_map(Dump::names).filter_map(|name| {
            let (changed, advisories) = before?.raw(&name)?;
            let is_remembered = advisories != "[]" || now - changed < REMEMBERED;
            (is_remembered && !self.packages.contains_key(&name)).then_some(name)
        });
        let forgotten: Vec<_> = forgotten.collect();
        self.packages.extend(forgotten.into_iter().map(|name| (name, Vec::new())));
        let mut writer = DumpWriter::new();
        for (name, mut advisories) in self.packages {
            // Files have no order of their own.
            advisories.sort_unstable();
            advisories.dedup();
            let advisories = format!("[{}]", advisories.join(","));
            let known = before.and_then(|before| before.raw(&name)).filter(|(_, known)| *known == advisories);
            writer.add(&name, known.map_or(now, |(changed, _)| changed), &advisories)?;
        }
        if writer.inflated() > LARGEST {
            return Err(std::io::Error::other("more than a registry keeps"));
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(versions: &[(&str, &str)]) -> AdvisoryDump {
        let mut dump = AdvisoryDump::new();
        for (name, version) in versions {
            let document = serde_json::json!({ "id": format!("MAL-{name}"), "affected": [
                { "package": { "ecosystem": "npm", "name": name }, "versions": [version] } ] });
            dump.add(document.to_string().as_bytes()).unwrap();
        }
        dump
    }

    #[test]
    fn a_package_keeps_the_time_of_its_last_change() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let pack = |dump: AdvisoryDump, before: Option<&Dump>, seconds| {
            let packed = dump.pack(before, at(seconds)).unwrap();
            Dump::read(&packed.bytes, &packed.digest, packed.inflated).unwrap()
        };
        let first = pack(dump(&[("fig", "1.0.0"), ("pear", "1.0.0"), ("plum", "1.0.0")]), None, 100);
        let second = pack(dump(&[("pear", "1.0.0"), ("plum", "1.0.1")]), Some(&first), 200);
        let changed =
            |dump: &Dump, name: &str| dump.raw(&PackageName::parse(name).unwrap()).map(|(at, _)| at);
        assert_eq!(changed(&second, "pear"), Some(100));
        assert_eq!(changed(&second, "plum"), Some(200));
        assert_eq!(changed(&second, "fig"), Some(200), "nothing is known of it any more since then");
        let third = pack(dump(&[]), Some(&second), 200 + REMEMBERED);
        assert_eq!(changed(&third, "fig"), None, "that is long ago");
        assert_eq!(changed(&third, "pear"), Some(200 + REMEMBERED));
    }
}
