use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::storage::{BlobETag, When};

/// What tells one state of a file from another without reading it.
///
/// The time alone would not do: kernels stamp files from a clock that ticks every few milliseconds, so two writes
/// can carry one time; and an inode's number is free for the next file as soon as the last one is gone, so adding
/// it does not help either. Therefore each commit makes the time later than that of the file it
/// replaces, and than the last deletion among its neighbours (see `commit`). The length and the inode are there
/// for changes made behind our back, such as a restored backup that keeps times.
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

    /// The state of the file at `path`; `None` where there is nothing. Something else that stands in its place is an
    /// error: the blob may be behind it.
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

    /// Whether `etag` names this state.
    pub(super) fn is(&self, etag: &BlobETag) -> bool {
        // Compared as numbers, since each read asks: writing the name would take longer than the rest.
        let numbers = etag.as_str().split('-').map(|number| u128::from_str_radix(number, 16).ok());
        numbers.eq([self.nanoseconds(), self.length.into(), self.inode.into()].map(Some))
    }

    fn nanoseconds(&self) -> u128 {
        let since = self.modified.duration_since(UNIX_EPOCH).unwrap_or_else(|before| before.duration());
        since.as_nanos()
    }

    fn name(&self) -> String {
        /// Three numbers of 16 digits, and what is between them.
        const LONGEST: usize = 50;
        let mut name = String::with_capacity(LONGEST);
        // Writing to a string cannot fail. Unlike `format!` it need not grow: this is on the way of every read.
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

/// Whether there is nothing of that name, which alone proves that there is no file. A file that stands where a folder
/// should, a loop of links or a folder that may not be entered hide what is there.
pub(super) fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// Refuses a path whose folder is a link to nowhere, such as to a volume that is not mounted: what is behind it is hidden and
/// not missing.
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

/// A folder, a link, a pipe or a device stands where a blob should.
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
