use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};

use super::folder::Folder;
use super::staged::{Staged, sweep};
#[cfg(feature = "settings")]
use crate::storage::Key;

/// The content of the file `version`.
const FORMAT: &str = "1";
/// Entries permitted in a folder that is not a store yet: those of an interrupted opening, and those of a new file
/// system.
const HARMLESS: [&str; 4] = ["locks", "lost+found", "objects", "staging"];

/// Why a folder could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalDiskError {
    /// The folder belongs to another program.
    #[error("{} holds other files ({found}) and no registry; name an empty folder, or one that does not exist", root.display())]
    Foreign {
        /// The folder.
        root: PathBuf,
        /// One of the files in it.
        found: String,
    },
    /// The folder was written by another release.
    #[error(
        "{} holds a registry in format {found}, and this release knows format {FORMAT} only; use the release that wrote it",
        root.display()
    )]
    Format {
        /// The folder.
        root: PathBuf,
        /// Its format.
        found: String,
    },
    /// A part of the folder is a link, so that the store would delete or create files elsewhere.
    #[error(
        "{} is a link: put the folder itself there, or make a link of {} as a whole", part.display(), root.display()
    )]
    Link {
        /// The folder.
        root: PathBuf,
        /// The part.
        part: PathBuf,
    },
    /// The disk failed.
    #[error("cannot open {} as the folder of a registry; check that it exists or can be made, and its owner", root.display())]
    Disk {
        /// The folder.
        root: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

/// Opens the folder, creates it if it is missing, and sweeps it.
pub(super) fn open(shown: &Path) -> Result<Folder, LocalDiskError> {
    let disk = |source| LocalDiskError::Disk { root: shown.to_owned(), source };
    let root = path::absolute(shown).map_err(disk)?;
    make(&root).map_err(disk)?;
    let folder = Folder::new(shown, &root);
    let version = root.join("version");
    require_own(shown, &root)?;
    refuse_links(shown, &folder)?;
    prepare(&folder, &root, &version).map_err(disk)?;
    let swept = sweep(&folder.staging).map_err(disk)?;
    if swept > 0 {
        tracing::info!(store = %folder, swept, "removed partially written files of an earlier process");
    }
    Ok(folder)
}

/// Whether a folder has neither a marker nor another folder. One that cannot be read may have them.
#[cfg(feature = "settings")]
pub(super) fn is_emptied(shown: &Path) -> bool {
    let folder = Folder::new(shown, shown);
    let is_folder = |entry: io::Result<fs::DirEntry>| entry.map_or(true, |entry| entry.path().is_dir());
    let has_folders = match fs::read_dir(&folder.objects) {
        Ok(mut entries) => entries.any(is_folder),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    let has_marker =
        Key::Marker.path().map_or(true, |marker| !matches!(folder.file(&marker).try_exists(), Ok(false)));
    !has_folders && !has_marker
}

/// Checks what [`open`] would find, and returns the existing folders that it would write to.
pub(super) fn check(shown: &Path) -> Result<Vec<PathBuf>, LocalDiskError> {
    let disk = |source| LocalDiskError::Disk { root: shown.to_owned(), source };
    let root = path::absolute(shown).map_err(disk)?;
    let not_a_folder = || disk(ErrorKind::NotADirectory.into());
    // A link that leads nowhere is in the way too.
    if !root.try_exists().map_err(disk)? && root.symlink_metadata().is_err() {
        for above in root.ancestors().skip(1) {
            match above.metadata() {
                Ok(found) if found.is_dir() => return Ok(vec![above.to_owned()]),
                Ok(_) => return Err(not_a_folder()),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(disk(error)),
            }
        }
        return Err(disk(ErrorKind::NotFound.into()));
    }
    if !root.is_dir() {
        return Err(not_a_folder());
    }
    require_own(shown, &root)?;
    let folder = Folder::new(shown, &root);
    refuse_links(shown, &folder)?;
    let mut written = vec![root];
    for part in [&folder.objects, &folder.locks, &folder.staging] {
        match part.metadata() {
            Ok(found) if found.is_dir() => written.push(part.to_path_buf()),
            Ok(_) => return Err(not_a_folder()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(disk(error)),
        }
    }
    Ok(written)
}

/// Rejects an existing folder of another program or of another format.
fn require_own(shown: &Path, root: &Path) -> Result<(), LocalDiskError> {
    let disk = |source| LocalDiskError::Disk { root: shown.to_owned(), source };
    match fs::read_to_string(root.join("version")) {
        Ok(found) if found.trim() == FORMAT => Ok(()),
        Ok(found) => Err(LocalDiskError::Format { root: shown.to_owned(), found: found.trim().to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => match foreign(root).map_err(disk)? {
            Some(found) => Err(LocalDiskError::Foreign { root: shown.to_owned(), found }),
            None => Ok(()),
        },
        Err(error) => Err(disk(error)),
    }
}

/// Rejects links to folders of others: what is in `staging` is deleted at the next opening.
fn refuse_links(shown: &Path, folder: &Folder) -> Result<(), LocalDiskError> {
    for part in [&folder.objects, &folder.locks, &folder.staging] {
        if part.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(LocalDiskError::Link { root: shown.to_owned(), part: part.to_path_buf() });
        }
    }
    Ok(())
}

fn make(root: &Path) -> io::Result<()> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent)?;
    }
    make_private(root)
}

/// Creates a folder that only its owner may enter, if it is missing.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Creates the missing parts. They are private even in a folder that was made for the store and that everybody may enter. Safe for several processes at once, since each step is atomic and idempotent.
fn prepare(folder: &Folder, root: &Path, version: &Path) -> io::Result<()> {
    for part in [&folder.objects, &folder.locks, &folder.staging] {
        make_private(part)?;
    }
    if !version.try_exists()? {
        Staged::holding(folder, format!("{FORMAT}\n").as_bytes())?.place(version)?;
    }
    for made in [Some(root), root.parent()].into_iter().flatten() {
        // A parent that belongs to another user may not be readable; then it was not created just now either.
        if cfg!(unix)
            && let Ok(opened) = File::open(made)
        {
            opened.sync_all()?;
        }
    }
    Ok(())
}

/// Returns a file that shows that the folder belongs to another program.
fn foreign(root: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        // Another process may have made the folder a store since its version was looked up.
        if !HARMLESS.iter().any(|harmless| name == *harmless) && name != "version" {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}
