//! The 512 bytes before each entry, read only where all clients read them the same.
//!
//! Tar readers differ in what they forgive. A header that one of them skips makes it take the content of the entry
//! for further headers, and then it installs files that no other reader sees. What `npm pack` and the other packers
//! write never comes near these differences.

use std::io::{self, Read};

use tar::Header;

use super::TarballError;
use super::path::EntryPath;
use super::pax::Extensions;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// Holds the path of the next entry (GNU).
    LongPath,
    /// Describes the next entry (pax).
    Extended,
    /// Describes all further entries (pax).
    GlobalExtended,
}

/// Where the numbers are that npm's reader looks at: mode, owner, group, time and device. One that it cannot hold makes
/// it skip the header. Sizes are stricter still.
const NUMBERS: [(usize, usize); 6] = [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8)];
/// Two more times, where no path is.
const TIMES: [(usize, usize); 2] = [(476, 12), (488, 12)];

/// Checks a header and tells what it stands before.
pub(super) fn kind(header: &Header) -> Result<Kind, TarballError> {
    let kind = match header.as_bytes()[156] {
        b'0' | 0 => Kind::File,
        b'1' | b'2' => return Err(TarballError::Link { path: shown(header) }),
        b'5' => Kind::Folder,
        b'L' => Kind::LongPath,
        b'x' => Kind::Extended,
        b'g' => Kind::GlobalExtended,
        _ => return Err(TarballError::EntryKind { path: shown(header) }),
    };
    match difference(header, kind) {
        Some(reason) => Err(TarballError::Ambiguous { path: shown(header), reason }),
        None if kind == Kind::Folder && size(header)? > 0 => {
            Err(TarballError::Ambiguous { path: shown(header), reason: "only a file can have content" })
        }
        None => Ok(kind),
    }
}

/// What some client would skip or take for something else.
fn difference(header: &Header, kind: Kind) -> Option<&'static str> {
    let bytes = header.as_bytes();
    let times: &[_] = if bytes[475] == 0 { &TIMES } else { &[] };
    let mut numbers = NUMBERS.iter().chain(times).map(|(start, length)| &bytes[*start..start + length]);
    let describes = matches!(kind, Kind::LongPath | Kind::Extended | Kind::GlobalExtended);
    let has_format = matches!(&bytes[257..265], b"ustar\x0000" | b"ustar  \0");
    if !is_octal(&bytes[148..156]) || !matches!(bytes[155], 0 | b' ') {
        return Some("its checksum has no end");
    }
    if bytes[124] & 0x80 != 0 {
        return Some("its size is not written in digits");
    }
    if !is_octal(&bytes[124..136]) && bytes[124..136].iter().any(|byte| *byte != 0) {
        return Some("its size is not a number");
    }
    // pnpm and deno read nothing else there, and yarn 1 fails on it.
    if !is_octal(&bytes[100..108]) {
        return Some("its mode is not written in octal digits");
    }
    if !numbers.all(is_number) {
        return Some("a number in its header is out of range");
    }
    if bytes[157..257].iter().any(|byte| *byte != 0) {
        return Some("it is no link but names a target");
    }
    // pnpm takes it for the end of the archive.
    if bytes[0] == 0 {
        return Some("its header has no name");
    }
    // pnpm and yarn take what stands there for the beginning of the path, whatever the format.
    if &bytes[257..265] != b"ustar\x0000" && bytes[345..500].iter().any(|byte| *byte != 0) {
        return Some("its path begins where its archive format has none");
    }
    // Some readers then take the description for a file.
    if describes && !has_format {
        return Some("it describes another entry but its archive format is unknown");
    }
    None
}

/// Spaces, octal digits, and then only spaces and NULs.
fn is_octal(field: &[u8]) -> bool {
    let field = field.trim_ascii_start();
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    digits > 0 && field[digits..].iter().all(|byte| matches!(byte, 0 | b' '))
}

/// Numbers are digits, or begin with 0x80 and are binary. Six binary bytes are enough for real owners and times.
fn is_number(field: &[u8]) -> bool {
    let (binary, spare) = (field[0] & 0x80 != 0, &field[1..field.len() - 6]);
    !binary || (field[0] == 0x80 && spare.iter().all(|byte| *byte == 0))
}

/// The bytes of content after a header.
pub(super) fn size(header: &Header) -> Result<u64, TarballError> {
    header.entry_size().map_err(|error| corrupt(&error))
}

/// The path of an entry: its extended header's, else the long one before it, else its own.
pub(super) fn path(
    header: &Header,
    long_path: Option<&[u8]>,
    extensions: &Extensions<'_>,
) -> Result<EntryPath, TarballError> {
    let ambiguous = |reason| TarballError::Ambiguous { path: shown(header), reason };
    match (extensions.path, long_path) {
        (Some(path), _) => EntryPath::parse(path),
        (None, Some(path)) => EntryPath::parse(until_nul(path).map_err(ambiguous)?),
        (None, None) => EntryPath::parse(&own_path(header).map_err(ambiguous)?),
    }
}

/// The path that the header alone gives, if it is one.
pub(super) fn short_path(header: &Header) -> Option<EntryPath> {
    own_path(header).ok().and_then(|path| EntryPath::parse(&path).ok())
}

fn own_path(header: &Header) -> Result<Vec<u8>, &'static str> {
    let bytes = header.as_bytes();
    let name = until_nul(&bytes[..100])?;
    let prefix = match &bytes[257..265] {
        // Short prefixes leave room for times, which some packers write there.
        b"ustar\x0000" if bytes[475] == 0 => until_nul(&bytes[345..475])?,
        b"ustar\x0000" => until_nul(&bytes[345..500])?,
        b"ustar  \0" => b"",
        [b'u', b's', b't', b'a', b'r', ..] => return Err("its archive format is unknown"),
        _ => b"",
    };
    Ok(if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() })
}

/// A text that ends at the first NUL, after which nothing may come.
fn until_nul(field: &[u8]) -> Result<&[u8], &'static str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    if field[end..].iter().all(|byte| *byte == 0) { Ok(&field[..end]) } else { Err("its path holds a NUL") }
}

fn shown(header: &Header) -> String {
    let name = header.as_bytes()[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    crate::domain::shorten::shorten(&String::from_utf8_lossy(name)).into_owned()
}

/// Reads all content of an entry, of which there are `size` bytes.
pub(super) fn read_whole(entry: &mut impl Read, size: u64) -> Result<Vec<u8>, TarballError> {
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|error| corrupt(&error))?;
    if content.len() as u64 == size {
        Ok(content)
    } else {
        Err(TarballError::CorruptTar { reason: "it is cut off".to_owned() })
    }
}

/// The tar reader's own complaint.
pub(super) fn corrupt(error: &io::Error) -> TarballError {
    TarballError::CorruptTar { reason: crate::domain::shorten::shorten(&error.to_string()).into_owned() }
}
