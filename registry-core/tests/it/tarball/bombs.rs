//! A small request never costs much memory or time.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_core::domain::TarballError;
use registry_core::domain::tarball::inspect;
use registry_core::limits::Limits;
use tar::EntryType;

use super::refusal;
use crate::tarball_builder::TarballBuilder;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn gzip_of_zeros(head: &[u8], zeros: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(head).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(zeros), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// The header of a file that says it has `size` bytes.
fn header(kind: EntryType, path: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn unpacking_stops_at_the_limit() {
    const ZEROS: u64 = 50 << 20;
    let limits = limits(|limits| limits.unpacked_bytes = 1 << 20);
    let expected = Err(TarballError::UnpackedTooLarge { limit: 1 << 20 });
    let bomb = gzip_of_zeros(&header(EntryType::Regular, "package/a", ZEROS), ZEROS);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(inspect(&bomb, &limits), expected);
    // The damage at its end is never reached.
    assert_eq!(inspect(&bomb[..bomb.len() / 2], &limits), expected);
    assert_eq!(inspect(&gzip_of_zeros(b"", ZEROS), &limits), expected, "zeros after the end count too");
}

#[test]
fn the_limit_is_exact() {
    let tarball = TarballBuilder::with_manifest().file("package/a", &[7; 1000]);
    let unpacked = 512 + 512 + 512 + 1024 + 1024;
    let bytes = tarball.build();
    assert!(inspect(&bytes, &limits(|limits| limits.unpacked_bytes = unpacked)).is_ok());
    assert_eq!(
        inspect(&bytes, &limits(|limits| limits.unpacked_bytes = unpacked - 1)),
        Err(TarballError::UnpackedTooLarge { limit: unpacked - 1 })
    );
}

#[test]
fn a_declared_size_is_not_believed() {
    let huge = header(EntryType::Regular, "package/a", (8 << 30) - 1);
    let refused = refusal(TarballBuilder::with_manifest().raw(&huge));
    assert!(matches!(refused, TarballError::CorruptTar { .. }), "{refused}");
    let manifest =
        TarballBuilder::default().raw(&header(EntryType::Regular, "package/package.json", 1 << 20));
    assert_eq!(refusal(manifest), TarballError::CorruptTar { reason: "it is cut off".to_owned() });
    for kind in [EntryType::GNULongName, EntryType::XHeader, EntryType::XGlobalHeader] {
        let refusal = refusal(TarballBuilder::with_manifest().raw(&header(kind, "package/a", 1 << 30)));
        assert!(matches!(refusal, TarballError::Ambiguous { .. }), "{refusal}");
    }
}

#[test]
fn there_is_an_end_to_entries() {
    let mut tarball = TarballBuilder::with_manifest();
    for _ in 0..200 {
        tarball = tarball.entry(EntryType::Directory, "package/a", b"");
    }
    let bytes = tarball.build();
    assert!(inspect(&bytes, &limits(|limits| limits.tarball_entries = 201)).is_ok());
    assert_eq!(
        inspect(&bytes, &limits(|limits| limits.tarball_entries = 200)),
        Err(TarballError::TooManyEntries { limit: 200 })
    );
    let many = header(EntryType::Directory, "package/a", 0).repeat(200_000);
    assert_eq!(
        inspect(&gzip_of_zeros(&many, 1024), &Limits::default()),
        Err(TarballError::TooManyEntries { limit: 100_000 })
    );
}

#[test]
fn the_manifest_has_its_own_limit() {
    let manifest = br#"{"name":"greet","version":"1.0.0"}"#;
    let bytes = TarballBuilder::with_manifest().build();
    assert!(inspect(&bytes, &limits(|limits| limits.manifest_bytes = manifest.len())).is_ok());
    assert_eq!(
        inspect(&bytes, &limits(|limits| limits.manifest_bytes = manifest.len() - 1)),
        Err(TarballError::ManifestTooLarge { limit: manifest.len() - 1 })
    );
}
