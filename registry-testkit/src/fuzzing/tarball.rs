use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use registry_core::domain::tarball::inspect;
use registry_core::domain::{TarballContents, TarballError};
use registry_core::limits::Limits;
use serde_json::Value;

use super::tar;

/// Any bytes as a tarball: it is refused, or another reader sees the same files in it, none outside of the package's folder,
/// and the limits hold to the last byte.
///
/// After a `T` the input is a tar archive, which is ended and gets its checksums, since no fuzzer finds those; after any
/// other byte it is the tarball itself.
///
/// # Panics
///
/// If one of that is not so.
pub fn tarball(input: &[u8]) {
    match input.split_first() {
        Some((b'T', archive)) => {
            let archive = tar::mend(archive);
            let [stored, packed] =
                [Compression::none(), Compression::best()].map(|level| gzip(level, &[&archive]));
            let contents = inspect(&stored, &limits());
            assert_eq!(inspect(&packed, &limits()), contents, "packed otherwise");
            let (begin, end) = archive.split_at(archive.len() / 3);
            // A part that is too large or wrong by itself may be found out first.
            let in_two = inspect(&gzip(Compression::fast(), &[begin, end]), &limits());
            assert!(in_two.is_err(), "two members");
            agree(&stored, contents);
        }
        Some((_, tarball)) => agree(tarball, inspect(tarball, &limits())),
        None => {}
    }
}

/// Small, so that bombs are none.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.unpacked_bytes = 1 << 20;
    limits.tarball_entries = 64;
    limits.manifest_bytes = 16 << 10;
    limits
}

fn gzip(level: Compression, members: &[&[u8]]) -> Vec<u8> {
    let pack = |member: &&[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        let written = encoder.write_all(member).and_then(|()| encoder.finish());
        written.unwrap_or_else(|error| panic!("cannot compress in memory: {error}"))
    };
    members.iter().flat_map(pack).collect()
}

fn agree(tarball: &[u8], contents: Result<TarballContents, TarballError>) {
    let Ok(contents) = contents else { return };
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(tarball).take((1 << 20) + 1).read_to_end(&mut unpacked);
    // Zeros may follow the last member, which this reader minds.
    assert!(read.is_ok() || tarball.ends_with(&[0]), "{read:?}");
    assert!(unpacked.len() <= 1 << 20, "larger than the limit");
    let seen = Seen::of(&unpacked);
    assert_eq!((seen.files, seen.bytes), (contents.file_count, contents.unpacked_size));
    assert!(seen.manifests.iter().eq([&Value::Object(contents.manifest.clone())]), "{:?}", seen.manifests);
    assert_exact(tarball, &contents, seen.entries, unpacked.len() as u64);
}

/// What fits exactly is taken, and one less of anything is not enough.
fn assert_exact(tarball: &[u8], contents: &TarballContents, entries: usize, unpacked: u64) {
    let mut exact = limits();
    exact.tarball_entries = entries;
    exact.unpacked_bytes = unpacked;
    assert_eq!(inspect(tarball, &exact).as_ref(), Ok(contents));
    let mut less = exact;
    less.tarball_entries -= 1;
    assert_eq!(inspect(tarball, &less), Err(TarballError::TooManyEntries { limit: entries - 1 }));
    less = exact;
    less.unpacked_bytes -= 1;
    assert_eq!(inspect(tarball, &less), Err(TarballError::UnpackedTooLarge { limit: unpacked - 1 }));
}

/// What the `tar` crate sees, which takes long paths and extended headers by itself.
#[derive(Default)]
struct Seen {
    entries: usize,
    files: u64,
    bytes: u64,
    manifests: Vec<Value>,
}

impl Seen {
    fn of(archive: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut archive = ::tar::Archive::new(archive);
        let entries = archive.entries().unwrap_or_else(|error| panic!("taken and not read: {error}"));
        for entry in entries {
            let mut entry = entry.unwrap_or_else(|error| panic!("taken and not read: {error}"));
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            seen.entries += 1;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            assert!(!path.starts_with(['/', '\\']) && !path.contains('\0'), "{path:?}");
            let parts: Vec<_> = path.split(['/', '\\']).collect();
            assert!(!parts.contains(&".."), "{path:?}");
            if kind.is_file() && !path.ends_with('/') || kind.is_contiguous() {
                let mut content = Vec::new();
                let read = entry.read_to_end(&mut content);
                assert!(read.is_ok() && content.len() as u64 == entry.size(), "{path:?}: {read:?}");
                seen.files += 1;
                seen.bytes += entry.size();
                let installed: Vec<_> =
                    parts.into_iter().skip(1).filter(|part| !matches!(*part, "" | ".")).collect();
                if installed == ["package.json"] {
                    let text = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content);
                    let manifest = serde_json::from_slice(text);
                    seen.manifests.push(manifest.unwrap_or_else(|error| panic!("no manifest: {error}")));
                }
            }
        }
        seen
    }
}
