use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::storage::{BlobETag, When};

/// Distinguishes states of a file without reading it.
///
/// The time alone does not suffice: kernels stamp files from a clock that ticks every few milliseconds, so two writes
/// can have the same time; and an inode number is reused as soon as the last file is gone, so adding it does not help
/// either. Therefore each commit makes the time later than that of the file it replaces, and than the last deletion in
/// the same shard (see `commit`). The length and the inode detect changes by other programs, such as a restored backup
/// that keeps times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) modified: SystemTime,
    pub(super) length: u64,
    inode: u64,
}

impl State {
    pub(super) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { modified: metadata.modified()?, length: metadata.len(), inode: inode(metadata) })
    }

    /// Returns the state of the file at `path`; `None` if there is nothing. Anything but a file in its place is an
    /// error, since it may hide the blob.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Self::of(&metadata).map(Some),
            Ok(_) => Err(no_file()),
            Err(error) if is_missing(&error) => refuse_dangling_folder(path).map(|()| None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn etag(&self) -> BlobETag {
        BlobETag::new(self.name())
    }

    /// Whether `etag` identifies this state.
    pub(super) fn is(&self, etag: &BlobETag) -> bool {
        // Compared as numbers, since each read compares: formatting the name would take longer than the rest.
        let numbers = etag.as_str().split('-').map(|number| u128::from_str_radix(number, 16).ok());
        numbers.eq([self.nanoseconds(), self.length.into(), self.inode.into()].map(Some))
    }

    fn nanoseconds(&self) -> u128 {
        let since = self.modified.duration_since(UNIX_EPOCH).unwrap_or_else(|before| before.duration());
        since.as_nanos()
    }

    fn name(&self) -> String {
        /// Three numbers of 16 digits, with separators.
        const LONGEST: usize = 50;
        let mut name = String::with_capacity(LONGEST);
        // Writing to a string cannot fail. Unlike `format!` it need not grow: every read runs this.
        let _ = write!(name, "{:x}-{:x}-{:x}", self.nanoseconds(), self.length, self.inode);
        name
    }
}

/// Whether `when` holds for the file with this state.
pub(super) fn condition_holds(when: &When, state: Option<&State>) -> bool {
    match when {
        When::Always => true,
        When::Absent => state.is_none(),
        When::Matches(etag) => state.is_some_and(|state| state.is(etag)),
    }
}

/// Whether the error proves that there is no file. A file in place of a folder, a loop of links or a folder without
/// access rights may hide one.
pub(super) fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// Rejects a path whose folder is a dangling link, such as to a volume that is not mounted: its content is hidden, not
/// missing.
fn refuse_dangling_folder(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1) {
        match folder.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() && folder.metadata().is_err() => return Err(no_file()),
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The error for a folder, a link, a pipe or a device in place of a blob.
pub(super) fn no_file() -> io::Error {
    io::Error::new(
        ErrorKind::IsADirectory,
        "something that is no file stands in its place: move it away, and put the file back",
    )
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
