use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};

/// A folder whose files are read, and out of which no path leads.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    /// Without links.
    root: PathBuf,
}

/// Why a file below a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// A link, or a `..`, leads to another place.
    #[error("{} leads out of the folder, and is not followed: put the file itself there", path.display())]
    Outside { path: PathBuf },
    /// A link whose target is missing.
    #[error("{} is a link that leads nowhere: put the file itself there", path.display())]
    Dangling { path: PathBuf },
    /// A device, a pipe or the like.
    #[error("{} is no file: put a file there", path.display())]
    NoFile { path: PathBuf },
    /// It does not fit into memory.
    #[error("{} has more than {} MiB", path.display(), most >> 20)]
    TooLarge { path: PathBuf, most: u64 },
    /// The system does not let it be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Folder {
    /// A folder that exists.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: path.canonicalize()? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// Returns where a path below the folder leads, if something is there.
    fn find(&self, path: &Path) -> Result<Option<PathBuf>, FolderError> {
        let outside = || FolderError::Outside { path: path.to_owned() };
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(outside());
        }
        let wanted = self.root.join(path);
        match wanted.canonicalize() {
            Ok(found) if found.starts_with(&self.root) => Ok(Some(found)),
            Ok(_) => Err(outside()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                match fs::symlink_metadata(&wanted) {
                    Ok(_) => Err(FolderError::Dangling { path: path.to_owned() }),
                    Err(_) => Ok(None),
                }
            }
            Err(source) => Err(FolderError::Io { path: path.to_owned(), source }),
        }
    }

    /// Opens a file, and returns its length, too; `None` if there is none.
    pub(super) fn open_file(&self, path: &Path) -> Result<Option<(File, u64)>, FolderError> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        // Before it is opened, because to open a pipe waits for its writer.
        let metadata = match fs::metadata(&found) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(failed)?,
        };
        if !metadata.is_file() {
            return Err(FolderError::NoFile { path: path.to_owned() });
        }
        match File::open(&found) {
            // Verdaccio removed it meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => Ok(Some((opened.map_err(failed)?, metadata.len()))),
        }
    }

    /// Whether a file is there.
    pub(super) fn has_file(&self, path: &Path) -> Result<bool, FolderError> {
        Ok(self.find(path)?.is_some_and(|found| found.is_file()))
    }

    /// Reads a file of `most` bytes at most.
    pub(super) fn read(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let Some((file, length)) = self.open_file(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|source| FolderError::Io { path: path.to_owned(), source })?;
        if length.max(bytes.len() as u64) > most {
            return Err(FolderError::TooLarge { path: path.to_owned(), most });
        }
        Ok(Some(bytes))
    }

    /// Returns the names in a folder below this one, sorted; none if there is no such folder.
    pub(super) fn names(&self, path: &Path) -> Result<Vec<String>, FolderError> {
        let Some(found) = self.find(path)?.filter(|found| found.is_dir()) else { return Ok(Vec::new()) };
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(found).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("storage");
        fs::create_dir_all(root.join("fig")).unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        fs::write(root.join("fig/file"), "fig").unwrap();
        symlink("../../secret", root.join("fig/out")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("nowhere", root.join("fig/dangling")).unwrap();
        symlink("fig", root.join("inside")).unwrap();
        let folder = Folder::open(&root).unwrap();
        let read = |path: &str| folder.read(Path::new(path), 100);
        for path in ["fig/out", "up/secret", "../secret", "/etc/passwd", "fig/../../secret"] {
            assert!(matches!(read(path), Err(FolderError::Outside { .. })), "{path}");
            assert!(folder.has_file(Path::new(path)).is_err(), "{path}");
        }
        assert!(matches!(read("fig/dangling"), Err(FolderError::Dangling { .. })));
        assert!(matches!(read("fig"), Err(FolderError::NoFile { .. })));
        assert!(matches!(folder.read(Path::new("fig/file"), 2), Err(FolderError::TooLarge { .. })));
        assert_eq!(read("inside/file").unwrap().unwrap(), b"fig");
        assert_eq!(read("fig/none").unwrap(), None);
        assert_eq!(read("fig/file/none").unwrap(), None);
        assert_eq!(folder.names(Path::new("fig")).unwrap(), ["dangling", "file", "out"]);
    }
}
