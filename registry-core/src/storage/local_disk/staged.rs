use std::fs::{self, File, FileTimes, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::state::State;
use crate::randomness::{SystemRandomness, random_bytes};
use crate::storage::BlobETag;

/// A file in `staging/` that is being written or waits to become a blob. Removed when dropped before that.
///
/// It is locked for as long as its writer lives, which is how a sweep knows that it is not a leftover.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    placed: bool,
}

impl Staged {
    pub(super) fn create(folder: &Folder) -> io::Result<Self> {
        loop {
            // Nobody but a sweep ever reads the name. A process id would not do: containers share them.
            let name = const_hex::encode(random_bytes::<16>(&SystemRandomness));
            let path = folder.staging.join(name);
            let staged = Self { file: File::create_new(&path)?, path, placed: false };
            // A sweep may have come between the two lines, taken the lock and removed the file.
            match staged.file.try_lock() {
                Ok(()) if staged.path.try_exists()? => return Ok(staged),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// A file with these bytes, durable.
    pub(super) fn holding(folder: &Folder, bytes: &[u8]) -> io::Result<Self> {
        let mut staged = Self::create(folder)?;
        staged.write(bytes)?;
        staged.seal(folder.fsync)?;
        Ok(staged)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Makes what was written durable.
    pub(super) fn seal(&mut self, fsync: bool) -> io::Result<()> {
        if fsync { self.file.sync_all() } else { Ok(()) }
    }

    /// Makes the file's time later than `floor`, and answers the `ETag` it then has.
    ///
    /// That time need not be durable: should a crash of the machine take it back, the `ETag` changes once more,
    /// and whoever holds the old one meets a conflict and reads again.
    pub(super) fn later_than(&self, floor: SystemTime) -> io::Result<BlobETag> {
        // File systems keep times in nanoseconds, in microseconds, in seconds, in two seconds.
        let steps = [Duration::from_micros(1), Duration::from_millis(1), Duration::from_secs(2)];
        let mut state = State::of(&self.file.metadata()?)?;
        for step in steps {
            if state.modified > floor {
                return Ok(state.etag());
            }
            self.file.set_times(FileTimes::new().set_modified(floor + step))?;
            state = State::of(&self.file.metadata()?)?;
        }
        if state.modified > floor {
            return Ok(state.etag());
        }
        Err(io::Error::new(ErrorKind::Unsupported, "this file system does not keep the time of a file"))
    }

    /// Renames the file to `target`, replacing what is there.
    pub(super) fn place(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed is swept later.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Removes the files that no living process is writing, and answers how many.
pub(super) fn sweep(staging: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(staging)? {
        let path = entry?.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            // Became a blob, or another sweep was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match fs::remove_file(&path) {
            Ok(()) => swept += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(swept)
}
