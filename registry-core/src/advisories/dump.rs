//! The advisories of a database in one object: a line for each package, sorted by name, compressed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::domain::PackageName;

use super::advisory::{Advisory, PackageAdvisories};

/// The largest object in bytes, compressed or not.
pub(super) const LARGEST: u64 = 1 << 30;
/// The longest name of a package in bytes.
const LONGEST_NAME: usize = 214;
/// How many bytes of lines are kept parsed.
const PARSED_BYTES: u64 = 16 << 20;

/// The advisories of a database, in memory. A line is parsed when its package is asked for.
pub(super) struct Dump {
    text: Vec<u8>,
    /// Where each line begins.
    lines: Vec<u32>,
    /// Identifies the content of each line.
    states: Vec<u64>,
    parsed: Cache<PackageName, Arc<PackageAdvisories>>,
}

/// Why an object is not a dump.
#[derive(Debug, thiserror::Error)]
pub(super) enum DumpError {
    #[error("the stored advisories are not those that were signed")]
    Digest,
    #[error("the stored advisories cannot be decompressed")]
    Compression(#[source] std::io::Error),
    #[error("the stored advisories are not in order")]
    Order,
}

/// A dump to store.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: String,
    pub(super) inflated: u64,
}

/// Writes a dump, package by package.
pub(super) struct DumpWriter {
    compressed: GzEncoder<Vec<u8>>,
    inflated: u64,
}

impl DumpWriter {
    pub(super) fn new() -> Self {
        Self { compressed: GzEncoder::new(Vec::new(), Compression::new(6)), inflated: 0 }
    }

    /// Adds a package. `advisories` is a list in JSON, which has no line breaks and no tabs.
    pub(super) fn add(&mut self, name: &PackageName, changed: i64, advisories: &str) -> std::io::Result<()> {
        let line = format!("{name}\t{changed}\t{advisories}\n");
        self.inflated += line.len() as u64;
        self.compressed.write_all(line.as_bytes())
    }

    pub(super) fn inflated(&self) -> u64 {
        self.inflated
    }

    pub(super) fn finish(self) -> std::io::Result<Packed> {
        let bytes = self.compressed.finish()?;
        let digest = digest_of(&bytes);
        Ok(Packed { bytes, digest, inflated: self.inflated })
    }
}

pub(super) fn digest_of(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

impl Dump {
    /// Reads an object whose digest was signed.
    pub(super) fn read(bytes: &[u8], digest: &str, inflated: u64) -> Result<Self, DumpError> {
        if digest_of(bytes) != digest {
            return Err(DumpError::Digest);
        }
        let most = inflated.min(LARGEST);
        let mut text = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        let mut decoder = GzDecoder::new(bytes).take(most + 1);
        let length = decoder.read_to_end(&mut text).map_err(DumpError::Compression)?;
        if length as u64 != inflated || text.last().is_some_and(|last| *last != b'\n') {
            return Err(DumpError::Digest);
        }
        Self::index(text)
    }

    fn index(text: Vec<u8>) -> Result<Self, DumpError> {
        let (mut lines, mut states) = (Vec::new(), Vec::new());
        let mut before: &[u8] = b"";
        let mut begin = 0_usize;
        while begin < text.len() {
            let rest = &text[begin..];
            let length = rest.iter().position(|byte| *byte == b'\n').ok_or(DumpError::Order)?;
            let line = &rest[..length];
            let name = name_of(line).ok_or(DumpError::Order)?;
            if name <= before {
                return Err(DumpError::Order);
            }
            before = name;
            lines.push(u32::try_from(begin).map_err(|_| DumpError::Order)?);
            let mut hash = DefaultHasher::new();
            line.hash(&mut hash);
            states.push(hash.finish());
            begin += length + 1;
        }
        lines.shrink_to_fit();
        states.shrink_to_fit();
        let weigh = |_: &PackageName, package: &Arc<PackageAdvisories>| package.weight();
        let parsed = Cache::builder().max_capacity(PARSED_BYTES).weigher(weigh).build();
        Ok(Self { text, lines, states, parsed })
    }

    fn line(&self, place: usize) -> &[u8] {
        let begin = self.lines[place] as usize;
        let end = self.lines.get(place + 1).map_or(self.text.len(), |next| *next as usize);
        &self.text[begin..end - 1]
    }

    fn place(&self, name: &str) -> Option<usize> {
        let compare = |place: &u32| {
            let rest = &self.text[*place as usize..];
            name_of(rest).unwrap_or_default().cmp(name.as_bytes())
        };
        self.lines.binary_search_by(compare).ok()
    }

    /// Identifies what is known of a package; `None` if nothing is.
    pub(super) fn state(&self, name: &PackageName) -> Option<u64> {
        self.place(name.as_str()).map(|place| self.states[place])
    }

    /// Returns the advisories for a package.
    pub(super) fn package(&self, name: &PackageName) -> Option<Arc<PackageAdvisories>> {
        let place = self.place(name.as_str())?;
        let parse = || Arc::new(parse(self.line(place)).map_or_else(unreadable, |(_, package)| package));
        Some(self.parsed.get_with(name.clone(), parse))
    }

    /// Returns when a package changed last, and its advisories in JSON.
    pub(super) fn raw(&self, name: &PackageName) -> Option<(i64, &str)> {
        let [_, changed, advisories] = columns(self.line(self.place(name.as_str())?))?;
        Some((changed.parse().ok()?, advisories))
    }

    /// The packages, in the order of their names.
    pub(super) fn packages(&self) -> impl Iterator<Item = (PackageName, PackageAdvisories)> {
        (0..self.lines.len()).filter_map(|place| parse(self.line(place)))
    }

    /// The names, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = PackageName> {
        let names = (0..self.lines.len()).filter_map(|place| name_of(self.line(place)));
        names.filter_map(|name| PackageName::parse(std::str::from_utf8(name).ok()?).ok())
    }
}

fn name_of(line: &[u8]) -> Option<&[u8]> {
    line.iter().take(LONGEST_NAME + 1).position(|byte| *byte == b'\t').map(|end| &line[..end])
}

fn columns(line: &[u8]) -> Option<[&str; 3]> {
    let mut columns = std::str::from_utf8(line).ok()?.splitn(3, '\t');
    Some([columns.next()?, columns.next()?, columns.next()?])
}

fn parse(line: &[u8]) -> Option<(PackageName, PackageAdvisories)> {
    let [name, changed, advisories] = columns(line)?;
    let package = PackageAdvisories {
        changed: DateTime::<Utc>::from_timestamp(changed.parse().ok()?, 0),
        advisories: serde_json::from_str(advisories).ok()?,
    };
    Some((PackageName::parse(name).ok()?, package))
}

fn unreadable() -> PackageAdvisories {
    PackageAdvisories { changed: None, advisories: vec![Advisory::unreadable()] }
}

impl PackageAdvisories {
    fn weight(&self) -> u32 {
        let weight: usize = self.advisories.iter().map(Advisory::weight).sum();
        u32::try_from(weight + size_of::<Self>()).unwrap_or(u32::MAX)
    }
}

impl Advisory {
    /// The approximate memory use in bytes.
    fn weight(&self) -> usize {
        size_of::<Self>() + self.title.len() + self.versions.len() * 40 + self.ranges.len() * 160
    }
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Dump({} packages)", self.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        PackageName::parse(text).unwrap()
    }

    fn packed() -> Packed {
        let mut writer = DumpWriter::new();
        for package in ["@acme/pear", "fig", "pear"] {
            let advisory = format!(r#"[{{"i":"GHSA-{}","t":"rot","s":"low","r":["*"]}}]"#, package.len());
            writer.add(&name(package), 1_700_000_000, &advisory).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn a_package_is_found_by_its_name() {
        let packed = packed();
        let dump = Dump::read(&packed.bytes, &packed.digest, packed.inflated).unwrap();
        for (package, id) in [("@acme/pear", "GHSA-10"), ("fig", "GHSA-3"), ("pear", "GHSA-4")] {
            let found = dump.package(&name(package)).unwrap();
            assert_eq!(found.advisories[0].id, id);
            assert!(dump.state(&name(package)).is_some() && dump.raw(&name(package)).is_some());
        }
        for unknown in ["pea", "pears", "aaa", "zzz", "@acme/fig"] {
            assert!(
                dump.package(&name(unknown)).is_none() && dump.state(&name(unknown)).is_none(),
                "{unknown}"
            );
        }
        assert_eq!(dump.names().count(), 3);
        assert_eq!(dump.packages().count(), 3);
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let packed = packed();
        let read = |bytes: &[u8], inflated| Dump::read(bytes, &packed.digest, inflated);
        for at in 0..packed.bytes.len() {
            let mut broken = packed.bytes.clone();
            broken[at] ^= 1;
            assert!(read(&broken, packed.inflated).is_err(), "byte {at}");
        }
        assert!(read(&packed.bytes[..10], packed.inflated).is_err());
        assert!(read(&packed.bytes, packed.inflated - 1).is_err(), "more than was signed");
        assert!(read(&packed.bytes, packed.inflated + 1).is_err(), "less than was signed");
    }

    #[test]
    fn lines_out_of_order_are_refused() {
        for lines in ["b\t0\t[]\na\t0\t[]\n", "a\t0\t[]\na\t0\t[]\n", "a\n", "a\t0\t[]"] {
            assert!(Dump::index(lines.into()).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_affects_every_version() {
        let dump = Dump::index("pear\t0\t[{}]\n".into()).unwrap();
        let found = dump.package(&name("pear")).unwrap();
        assert!(found.advisories[0].malware && found.advisories[0].affects("1.0.0", None));
    }
}
