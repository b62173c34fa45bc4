//! The 512-byte header of each entry, accepted only if all clients read it alike.
//!
//! Tar readers differ in what they tolerate. A reader that skips a header reads the entry's content as further headers,
//! and then installs files that no other reader sees. Archives of `npm pack` and the other packers never come near
//! these differences.

use std::io::{self, Read};

use tar::Header;

use super::TarballError;
use super::path::EntryPath;
use super::pax::Extensions;

/// The kind of an entry.
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

/// The positions of the numbers that npm's reader parses: mode, owner, group, time and device. It skips the header if
/// one of them is too large. Sizes are stricter still.
const NUMBERS: [(usize, usize); 6] = [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8)];
/// Two more times, in headers without a path there.
const TIMES: [(usize, usize); 2] = [(476, 12), (488, 12)];

/// Validates a header and returns the kind of its entry.
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

/// Returns what some client would skip or read differently.
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
    // pnpm and deno accept nothing else there, and yarn 1 fails on it.
    if !is_octal(&bytes[100..108]) {
        return Some("its mode is not written in octal digits");
    }
    if !numbers.all(is_number) {
        return Some("a number in its header is out of range");
    }
    if bytes[157..257].iter().any(|byte| *byte != 0) {
        return Some("it is no link but names a target");
    }
    // pnpm reads it as the end of the archive.
    if bytes[0] == 0 {
        return Some("its header has no name");
    }
    // pnpm and yarn read these bytes as the beginning of the path in any format.
    if &bytes[257..265] != b"ustar\x0000" && bytes[345..500].iter().any(|byte| *byte != 0) {
        return Some("its path begins where its archive format has none");
    }
    // Some readers then treat the description as a file.
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

/// Numbers are digits, or begin with 0x80 and are binary. Six binary bytes suffice for real owners and times.
fn is_number(field: &[u8]) -> bool {
    let (binary, spare) = (field[0] & 0x80 != 0, &field[1..field.len() - 6]);
    !binary || (field[0] == 0x80 && spare.iter().all(|byte| *byte == 0))
}

/// Returns the number of content bytes after a header.
pub(super) fn size(header: &Header) -> Result<u64, TarballError> {
    header.entry_size().map_err(|error| corrupt(&error))
}

/// Returns the path of an entry: from its extended header, else from the long path before it, else its own.
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

/// Returns the path in the header itself, if it is valid.
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

/// Returns the text before the first NUL, which only NULs may follow.
fn until_nul(field: &[u8]) -> Result<&[u8], &'static str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    if field[end..].iter().all(|byte| *byte == 0) { Ok(&field[..end]) } else { Err("its path holds a NUL") }
}

fn shown(header: &Header) -> String {
    let name = header.as_bytes()[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    crate::domain::shorten::shorten(&String::from_utf8_lossy(name)).into_owned()
}

/// Reads the whole content of an entry, `size` bytes.
pub(super) fn read_whole(entry: &mut impl Read, size: u64) -> Result<Vec<u8>, TarballError> {
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|error| corrupt(&error))?;
    if content.len() as u64 == size {
        Ok(content)
    } else {
        Err(TarballError::CorruptTar { reason: "it is cut off".to_owned() })
    }
}

/// Wraps an error of the tar reader.
pub(super) fn corrupt(error: &io::Error) -> TarballError {
    TarballError::CorruptTar { reason: crate::domain::shorten::shorten(&error.to_string()).into_owned() }
}
