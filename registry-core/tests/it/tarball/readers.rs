//! Tar readers differ in what they forgive, and each difference can hide a `package.json` from one of them.

use registry_core::domain::TarballError;
use registry_core::domain::tarball::inspect;
use registry_core::limits::Limits;
use tar::EntryType;

use super::{contents, refusal};
use crate::tarball_builder::{TarballBuilder, gzip, record};

/// An archive that a reader finds if it takes content for headers.
fn hidden() -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path("package/package.json").unwrap();
    header.set_size(2);
    header.set_cksum();
    [header.as_bytes().as_slice(), b"{}", &[0; 510]].concat()
}

#[track_caller]
fn assert_ambiguous(tarball: TarballBuilder) {
    let refusal = refusal(tarball);
    assert!(matches!(refusal, TarballError::Ambiguous { .. }), "{refusal}");
}

#[test]
fn content_that_looks_like_an_archive_is_content() {
    assert_eq!(contents(TarballBuilder::with_manifest().file("package/a.tar", &hidden())).file_count, 2);
}

#[test]
fn only_a_file_has_content() {
    for (kind, path) in [
        (EntryType::Directory, "package/a"),
        (EntryType::Regular, "package/a/"),
        (EntryType::Symlink, "package/a"),
        (EntryType::Link, "package/a"),
    ] {
        assert_ambiguous(TarballBuilder::with_manifest().entry(kind, path, &hidden()));
    }
}

#[test]
fn unknown_entries_are_refused() {
    for kind in [b'3', b'4', b'6', b'A', b'D', b'M', b'N', b'S', b'V', b'X', b'Z', b' ', 0xff] {
        let tarball = TarballBuilder::with_manifest().entry(EntryType::new(kind), "package/a", b"");
        assert_eq!(refusal(tarball), TarballError::EntryKind { path: "package/a".to_owned() });
    }
}

#[test]
fn only_a_link_has_a_target() {
    for kind in [EntryType::Regular, EntryType::Directory, EntryType::GNULongName] {
        assert_ambiguous(TarballBuilder::with_manifest().link(kind, "package/a", "b").file("package/a", b""));
    }
    assert_ambiguous(TarballBuilder::with_manifest().extended("linkpath", "b").file("package/a", &hidden()));
    assert_ambiguous(
        TarballBuilder::with_manifest()
            .entry(EntryType::GNULongLink, "././@LongLink", b"b\0")
            .file("package/a", &hidden()),
    );
    contents(
        TarballBuilder::with_manifest()
            .entry(EntryType::GNULongLink, "././@LongLink", b"b\0")
            .extended("linkpath", "b")
            .link(EntryType::Symlink, "package/a", "b"),
    );
}

#[test]
fn sizes_are_written_once_and_in_digits() {
    assert_ambiguous(TarballBuilder::with_manifest().extended("size", "0").file("package/a", &hidden()));
    assert_ambiguous(TarballBuilder::with_manifest().altered(
        EntryType::Regular,
        "package/a",
        b"",
        |header| {
            header[124..136].fill(0);
            header[124] = 0x80;
        },
    ));
    let global = record("size", "0");
    assert_ambiguous(TarballBuilder::with_manifest().entry(EntryType::XGlobalHeader, "g", global.as_bytes()));
    let global = record("path", "package/package.json");
    assert_ambiguous(TarballBuilder::with_manifest().entry(EntryType::XGlobalHeader, "g", global.as_bytes()));
}

#[test]
fn numbers_fit() {
    for (start, length) in [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8), (476, 12), (488, 12)]
    {
        let with_number = |first: u8, last: u8| {
            TarballBuilder::with_manifest().altered(EntryType::Regular, "package/a", &hidden(), |header| {
                header[start..start + length].fill(0);
                header[start] = first;
                header[start + length - 7] |= last;
                header[start + length - 1] = 0xff;
            })
        };
        contents(with_number(0x80, 0));
        assert_ambiguous(with_number(0xff, 0));
        assert_ambiguous(with_number(0x81, 0));
        assert_ambiguous(with_number(0x80, 0x90));
    }
}

#[test]
fn a_long_prefix_is_a_path_and_no_times() {
    let prefix = format!("package/{}é", "d".repeat(124));
    let manifest = TarballBuilder::with_manifest();
    contents(manifest.altered(EntryType::Regular, "a/é", b"", |header| {
        header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        header[476..488].fill(0xc3);
        header[488..500].fill(0xa9);
    }));
}

#[test]
fn what_describes_an_entry_has_a_name() {
    let comment = record("comment", "x");
    for (kind, description) in [
        (EntryType::XHeader, comment.as_bytes()),
        (EntryType::XGlobalHeader, comment.as_bytes()),
        (EntryType::GNULongName, b"package/a\0"),
        (EntryType::GNULongLink, b"package/b\0"),
    ] {
        let described = |name| {
            TarballBuilder::with_manifest().entry(kind, name, description).link(
                EntryType::Symlink,
                "package/a",
                "b",
            )
        };
        contents(described("a name"));
        assert_ambiguous(described(""));
    }
}

/// The `tar` crate takes a description without it for a file, and what follows by its short path.
#[test]
fn what_describes_an_entry_says_its_format() {
    let comment = record("comment", "x");
    for (kind, description) in [
        (EntryType::XHeader, comment.as_bytes()),
        (EntryType::XGlobalHeader, comment.as_bytes()),
        (EntryType::GNULongName, b"package/other.json\0"),
        (EntryType::GNULongLink, b"package/b\0"),
    ] {
        for magic in [b"\0\0\0\0\0\0\0\0", b"usGNU.sp"] {
            let described = TarballBuilder::with_manifest().altered(kind, "a name", description, |header| {
                header[257..265].copy_from_slice(magic);
            });
            assert_ambiguous(described.link(EntryType::Symlink, "package/package.json", "b"));
        }
    }
}

#[test]
fn extended_headers_say_the_same_by_length_and_by_line() {
    let hidden_path = format!("a\n{}", record("path", "package/package.json").trim_end());
    assert_ambiguous(
        TarballBuilder::with_manifest().extended("comment", &hidden_path).file("package/a", b"{}"),
    );
    assert_ambiguous(
        TarballBuilder::with_manifest().extended("type", "Directory").file("package/a", &hidden()),
    );
    assert_ambiguous(
        TarballBuilder::with_manifest()
            .extended("GNU.sparse.name", "package/package.json")
            .file("package/a", b"{}"),
    );
    assert_ambiguous(
        TarballBuilder::with_manifest()
            .extended("path", "package/a")
            .extended("path", "package/b")
            .file("x", b""),
    );
    assert_ambiguous(
        TarballBuilder::with_manifest()
            .extended("path", "package/a")
            .entry(EntryType::GNULongName, "././@LongLink", b"package/b\0")
            .file("package/c", b""),
    );
}

#[test]
fn nothing_follows_the_end_of_a_text() {
    assert_ambiguous(TarballBuilder::with_manifest().altered(
        EntryType::Regular,
        "package/a",
        b"",
        |header| {
            header[50] = b'x';
        },
    ));
    for kind in [EntryType::Regular, EntryType::Symlink] {
        assert_ambiguous(TarballBuilder::with_manifest().altered(kind, "package/a", b"", |header| {
            header[160..162].copy_from_slice(b"\nx");
        }));
    }
    assert_ambiguous(
        TarballBuilder::with_manifest()
            .entry(EntryType::GNULongName, "././@LongLink", b"package/a\0\nb")
            .file("package/c", b""),
    );
    assert_ambiguous(TarballBuilder::with_manifest().altered(EntryType::Regular, "a", b"", |header| {
        header[263..265].copy_from_slice(b"01");
        header[345..352].copy_from_slice(b"package");
    }));
}

#[test]
fn a_checksum_has_an_end() {
    let tarball = TarballBuilder::with_manifest().file("package/a", b"");
    let mut header = tar::Header::new_ustar();
    header.set_path("package/b").unwrap();
    header.set_size(0);
    header.set_cksum();
    let digits = format!("{:08o}", header.cksum().unwrap());
    header.as_mut_bytes()[148..156].copy_from_slice(digits.as_bytes());
    assert_ambiguous(tarball.raw(header.as_bytes()));
}

#[test]
fn nothing_follows_the_end_of_an_archive() {
    for zeros in [512, 1024] {
        let refusal = refusal(TarballBuilder::with_manifest().raw(&vec![0; zeros]).raw(&hidden()));
        assert_eq!(refusal, TarballError::CorruptTar { reason: "something follows its end".to_owned() });
    }
    let members = [TarballBuilder::with_manifest().build(), gzip(&hidden())].concat();
    assert!(matches!(inspect(&members, &Limits::default()), Err(TarballError::CorruptTar { .. })));
}

#[test]
fn a_description_needs_its_entry() {
    let refusal = refusal(TarballBuilder::with_manifest().extended("path", "package/a"));
    assert!(matches!(refusal, TarballError::CorruptTar { .. }), "{refusal}");
}
