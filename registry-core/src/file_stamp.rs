//! Tells whether a file changed since it was read.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The largest file that is read.
const LARGEST: u64 = 16 << 20;
/// A file changed this shortly before it was read may change again within the same tick of its clock.
const SETTLES: Duration = Duration::from_secs(2);

/// The metadata that reveals a change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl FileStamp {
    /// Returns the stamp of the file as it is now.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).and_then(|metadata| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> io::Result<Self> {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self { modified: metadata.modified()?, length: metadata.len(), inode })
    }

    /// Whether the file had settled at `time`, before it was read.
    pub(crate) fn is_settled(&self, time: SystemTime) -> bool {
        self.modified.checked_add(SETTLES).is_some_and(|settled| settled < time)
    }
}

/// Reads a file of at most 16 MiB. Returns its content, and its stamp from before it was read.
pub(crate) fn read_stamped(path: &Path) -> io::Result<(Vec<u8>, FileStamp)> {
    // To open a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let file = File::open(path)?;
    let stamp = FileStamp::of(&file.metadata()?)?;
    if stamp.length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB"));
    }
    let mut content = Vec::new();
    file.take(LARGEST).read_to_end(&mut content)?;
    Ok((content, stamp))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let error = read_stamped(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
        let error = read_stamped(&std::env::temp_dir()).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
    }
}
