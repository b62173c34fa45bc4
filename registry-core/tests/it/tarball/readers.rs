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
    for (kind, path) in [(EntryType::Directory, "package/a"), (EntryType::Regular, "package/a/")] {
        assert_ambiguous(TarballBuilder::with_manifest().entry(kind, path, &hidden()));
    }
}

/// npm cuts a long path at its first zero, and other readers take one zero off its end.
#[test]
fn a_long_path_has_one_zero_at_its_end_and_no_other() {
    let long = format!("package/{}", "d".repeat(120));
    for (end, is_taken) in [("\0", true), ("", true), ("\0\0", false), ("\0evil\0", false), ("\0evil", false)]
    {
        let path = format!("{long}{end}");
        let tarball = TarballBuilder::with_manifest()
            .entry(EntryType::GNULongName, "././@LongLink", path.as_bytes())
            .file("package/short.js", b"");
        if is_taken {
            assert_eq!(contents(tarball).file_count, 2);
        } else {
            assert_ambiguous(tarball);
        }
    }
}

#[test]
fn unknown_entries_are_refused() {
    // yarn 4 and pnpm skip `7`, which npm writes as a file.
    for kind in [b'3', b'4', b'6', b'7', b'A', b'D', b'K', b'M', b'N', b'S', b'V', b'X', b'Z', b' ', 0xff] {
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
    for (start, length) in [(108, 8), (116, 8), (136, 12), (329, 8), (337, 8), (476, 12), (488, 12)] {
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
    let prefix = format!("package/{}{}", "d".repeat(123), "é".repeat(12));
    let manifest = TarballBuilder::with_manifest();
    contents(manifest.altered(EntryType::Regular, "a", b"", |header| {
        header[345..500].copy_from_slice(prefix.as_bytes());
    }));
}

/// pnpm and yarn 1 take it for the beginning of a path, npm does not.
#[test]
fn only_one_format_has_a_prefix() {
    for magic in [b"ustar  \0", b"\0\0\0\0\0\0\0\0"] {
        let manifest = TarballBuilder::with_manifest();
        assert_ambiguous(manifest.altered(EntryType::Regular, "package/lib/package.json", b"{}", |header| {
            header[257..265].copy_from_slice(magic);
            header[345..352].copy_from_slice(b"package");
        }));
    }
}

/// pnpm takes a header that begins with a NUL for the end of the archive.
#[test]
fn each_header_has_a_name() {
    let manifest = TarballBuilder::with_manifest();
    assert_ambiguous(manifest.extended("path", "package/a").file("", b"x"));
    assert_ambiguous(TarballBuilder::with_manifest().altered(EntryType::Directory, "", b"", |header| {
        header[345..352].copy_from_slice(b"package");
    }));
}

#[test]
fn numbers_are_written_in_one_way() {
    for size in [b"\0\x000000000003", b"00000000003x", b"00000000 003", b"0x000000003\0"] {
        let tarball = TarballBuilder::with_manifest();
        let refused = refusal(tarball.altered(EntryType::Regular, "package/a", b"abc", |header| {
            header[124..136].copy_from_slice(size);
        }));
        let is_unreadable =
            matches!(refused, TarballError::Ambiguous { .. } | TarballError::CorruptTar { .. });
        assert!(is_unreadable, "{refused}");
    }
}

#[test]
fn what_describes_an_entry_has_a_name() {
    let comment = record("comment", "x");
    for (kind, description) in [
        (EntryType::XHeader, comment.as_bytes()),
        (EntryType::XGlobalHeader, comment.as_bytes()),
        (EntryType::GNULongName, b"package/a\0"),
    ] {
        let described =
            |name| TarballBuilder::with_manifest().entry(kind, name, description).file("package/b", b"");
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
    ] {
        for magic in [b"\0\0\0\0\0\0\0\0", b"usGNU.sp"] {
            let described = TarballBuilder::with_manifest().altered(kind, "a name", description, |header| {
                header[257..265].copy_from_slice(magic);
            });
            assert_ambiguous(described.file("package/b", b""));
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

/// Each reader counts in its own way how much to skip of such a length.
#[test]
fn no_length_of_a_record_begins_with_zero() {
    let described = |record: &[u8]| {
        TarballBuilder::with_manifest().entry(EntryType::XHeader, "a name", record).file("package/a", b"")
    };
    contents(described(b"13 comment=a\n"));
    assert_ambiguous(described(b"014 comment=a\n"));
}

/// npm takes the line for another record.
#[test]
fn no_line_of_a_record_begins_like_a_record() {
    for line in ["028path=package/package.json", "28xpath=package/package.json"] {
        let comment = format!("a\n{line}");
        assert_ambiguous(
            TarballBuilder::with_manifest().extended("comment", &comment).file("package/a", b"{}"),
        );
    }
}

/// pnpm gives the path to the next header, whatever it stands before.
#[test]
fn a_description_stands_before_its_entry() {
    let comment = record("comment", "x");
    for kind in [EntryType::XHeader, EntryType::XGlobalHeader] {
        assert_ambiguous(
            TarballBuilder::with_manifest()
                .entry(EntryType::GNULongName, "././@LongLink", b"package/b\0")
                .entry(kind, "x", comment.as_bytes())
                .file("package/a", b""),
        );
    }
}

/// npm falls back to it where a long path arrives in two parts.
#[test]
fn the_path_in_the_header_is_nothing_that_matters() {
    for short in ["package/package.json", "package/binding.gyp", "package/npm-shrinkwrap.json"] {
        assert_ambiguous(TarballBuilder::default().extended("path", "package/é").file(short, b"{}"));
    }
    let other = TarballBuilder::with_manifest().file("package/a.js", b"a");
    let refused = refusal(other.extended("path", "package/é.js").file("package/a.js", b"b"));
    assert!(matches!(refused, TarballError::Twice { .. }), "{refused}");
    contents(TarballBuilder::with_manifest().extended("path", "package/é.js").file("PaxHeader", b"b"));
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
    assert_ambiguous(TarballBuilder::with_manifest().altered(
        EntryType::Regular,
        "package/a",
        b"",
        |header| {
            header[160..162].copy_from_slice(b"\nx");
        },
    ));
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
    assert_eq!(inspect(&members, &Limits::default()), Err(TarballError::TrailingData));
}

#[test]
fn a_description_needs_its_entry() {
    let refusal = refusal(TarballBuilder::with_manifest().extended("path", "package/a"));
    assert!(matches!(refusal, TarballError::CorruptTar { .. }), "{refusal}");
}
