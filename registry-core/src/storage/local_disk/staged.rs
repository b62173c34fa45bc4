use std::fs::{self, File, FileTimes, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::state::State;
use crate::randomness::{SystemRandomness, random_bytes};
use crate::storage::BlobETag;

/// A file in `staging/` that is being written or is about to become a blob. Dropping it before that removes it.
///
/// It is locked while its writer lives, so a sweep can tell that it is not a leftover.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    placed: bool,
}

impl Staged {
    pub(super) fn create(folder: &Folder) -> io::Result<Self> {
        loop {
            // Only a sweep reads the name. A process id would not do: containers share them.
            let name = const_hex::encode(random_bytes::<16>(&SystemRandomness));
            let path = folder.staging.join(name);
            let staged = Self { file: File::create_new(&path)?, path, placed: false };
            // A sweep may have run in between, taken the lock and removed the file.
            match staged.file.try_lock() {
                Ok(()) if staged.path.try_exists()? => return Ok(staged),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Creates a durable file with these bytes.
    pub(super) fn holding(folder: &Folder, bytes: &[u8]) -> io::Result<Self> {
        let mut staged = Self::create(folder)?;
        staged.write(bytes)?;
        staged.seal(folder.fsync)?;
        Ok(staged)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Makes the written bytes durable.
    pub(super) fn seal(&mut self, fsync: bool) -> io::Result<()> {
        if fsync { self.file.sync_all() } else { Ok(()) }
    }

    /// Makes the file's time later than `floor`, and returns its new `ETag`.
    ///
    /// That time need not be durable: if a crash of the machine reverts it, the `ETag` changes once more, and a writer
    /// with the old one gets a conflict and reads again.
    pub(super) fn later_than(&self, floor: SystemTime) -> io::Result<BlobETag> {
        // File systems store times in units of nanoseconds, microseconds, seconds, or two seconds.
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

    /// Renames the file to `target`, replacing the current one.
    pub(super) fn place(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // A file that cannot be removed is swept later.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Removes the files that no living process is writing, and returns their number.
pub(super) fn sweep(staging: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(staging)? {
        let path = entry?.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            // It became a blob, or another sweep removed it.
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
