//! The blocks of the archive. It is a tar that any tar can list, and each of its bytes follows from the manifest, so that
//! a reader compares and does not interpret: a path in the archive is never used.

use std::io::{self, Write};

use tar::{EntryType, Header};

/// The unit of a tar.
pub(super) type Block = [u8; 512];
/// How many bytes a block has.
pub(super) const BLOCK: u64 = size_of::<Block>() as u64;
/// What ends a tar.
pub(super) type End = [u8; 1024];
/// How many bytes the end has.
pub(super) const END: u64 = size_of::<End>() as u64;

pub(super) const MANIFEST: &str = "bundle.json";
pub(super) const SIGNATURE: &str = "bundle.json.sig";

/// Returns the header of a file. Times, modes and owners are the same for all, so that the same files are the same bytes.
pub(super) fn header(path: &str, size: u64) -> io::Result<Block> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Returns the path and the size that a header tells, for what a user is told of it.
pub(super) fn told(block: &Block) -> Option<(String, u64)> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(block);
    let path = header.path().ok()?.to_string_lossy().into_owned();
    Some((path, header.entry_size().ok()?))
}

/// How many bytes follow a file of this size, up to the next block.
pub(super) fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// How many bytes a file of this size takes in the archive, its header included.
pub(super) fn taken(size: u64) -> Option<u64> {
    size.checked_add(BLOCK + padding(size))
}

/// Writes a file.
pub(super) fn write_file(archive: &mut dyn Write, path: &str, bytes: &[u8]) -> io::Result<()> {
    archive.write_all(&header(path, bytes.len() as u64)?)?;
    archive.write_all(bytes)?;
    write_padding(archive, bytes.len() as u64)
}

/// Writes what follows a file of this size.
pub(super) fn write_padding(archive: &mut dyn Write, size: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), padding(size)), archive).map(drop)
}
