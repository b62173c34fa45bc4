//! Files that are not finished. They lie beside the finished one, so that a rename is enough, and are locked as long as
//! their process lives, so that the next run removes what a killed one left.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::BundleError;

/// What the names of such files end with.
const SUFFIX: &str = ".bundle-partial";

/// A file that is removed unless it is finished.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) path: PathBuf,
    pub(super) file: File,
    is_finished: bool,
}

impl Temporary {
    /// Creates a file beside `output`. `id` distinguishes it from those of other runs.
    pub(super) fn create(output: &Path, id: &str) -> Result<Self, BundleError> {
        let path = output.with_file_name(format!("{}{id}{SUFFIX}", prefix(output)));
        let failed = || BundleError::writing(output);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(failed())?;
        let temporary = Self { path, file, is_finished: false };
        // A file system without locks has none to respect either.
        if let Err(fs::TryLockError::WouldBlock) = temporary.file.try_lock() {
            return Err(failed()(io::Error::from(io::ErrorKind::ResourceBusy)));
        }
        Ok(temporary)
    }

    /// Makes the file durable, and gives it its name.
    pub(super) fn finish(mut self, output: &Path) -> Result<(), BundleError> {
        self.file.sync_all().map_err(BundleError::writing(output))?;
        fs::rename(&self.path, output).map_err(BundleError::writing(output))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_finished {
            // The next run removes it otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what earlier runs for `output` left that were killed.
pub(super) fn remove_left_behind(output: &Path) {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_temporary = name.starts_with(&prefix(output)) && name.strip_suffix(SUFFIX).is_some();
        if !is_temporary {
            continue;
        }
        // A run that lives has it locked.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn prefix(output: &Path) -> String {
    format!(".{}.", output.file_name().unwrap_or_default().to_string_lossy())
}
