use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha512};

use super::BundleError;
use super::archive::{Block, END, End, header, padding, told};
use super::manifest::FileEntry;

/// How much of a file is in memory at once.
const BUFFER: usize = 256 << 10;

/// Reads an archive from its beginning to its end, and accepts at each place only what must be there.
pub(super) struct Blocks<'a> {
    path: &'a Path,
    file: BufReader<&'a File>,
    at: u64,
    length: u64,
}

impl<'a> Blocks<'a> {
    pub(super) fn of(path: &'a Path, file: &'a File) -> Result<Self, BundleError> {
        let length = file.metadata().map_err(BundleError::reading(path))?.len();
        let mut file = BufReader::with_capacity(BUFFER, file);
        file.seek(SeekFrom::Start(0)).map_err(BundleError::reading(path))?;
        Ok(Self { path, file, at: 0, length })
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Skips what was read before.
    pub(super) fn skip_to(&mut self, at: u64) -> Result<(), BundleError> {
        self.file.seek(SeekFrom::Start(at)).map_err(BundleError::reading(self.path))?;
        self.at = at;
        Ok(())
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), BundleError> {
        let expected = self.at + buffer.len() as u64;
        self.file.read_exact(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                BundleError::Truncated { length: self.length, expected }
            } else {
                BundleError::reading(self.path)(error)
            }
        })?;
        self.at = expected;
        Ok(())
    }

    /// Reads a header of which only the path is known, and returns the size; `None` for any other header.
    pub(super) fn size_of(&mut self, path: &str) -> Result<Option<u64>, BundleError> {
        let mut block: Block = [0; 512];
        self.exact(&mut block)?;
        let size = told(&block).filter(|(found, _)| found == path).map(|(_, size)| size);
        Ok(size.filter(|size| header(path, *size).is_ok_and(|expected| expected == block)))
    }

    /// Reads a header that must be that of a file.
    pub(super) fn header(&mut self, path: &str, size: u64) -> Result<(), BundleError> {
        let at = self.at;
        let mut block: Block = [0; 512];
        self.exact(&mut block)?;
        if header(path, size).is_ok_and(|expected| expected == block) {
            return Ok(());
        }
        let found = match told(&block) {
            Some((found, _)) if found != path => format!("{found:.100?} stands in place of {path}"),
            _ => format!("the header of {path} was changed"),
        };
        Err(BundleError::Damaged { at, found })
    }

    /// Reads a file into memory, which its caller has bounded, and what follows it.
    pub(super) fn bytes(&mut self, size: u64) -> Result<Vec<u8>, BundleError> {
        // A size that is not true must not take memory.
        let mut bytes = Vec::new();
        let read =
            (&mut self.file).take(size).read_to_end(&mut bytes).map_err(BundleError::reading(self.path))?;
        if (read as u64) < size {
            return Err(BundleError::Truncated {
                length: self.length,
                expected: self.at.saturating_add(size),
            });
        }
        self.at += size;
        self.padding(size)?;
        Ok(bytes)
    }

    /// Reads a file that must have these digest and size, with its header and what follows it.
    pub(super) fn file(&mut self, path: &str, file: &FileEntry) -> Result<(), BundleError> {
        self.header(path, file.size)?;
        let at = self.at;
        let (mut hash, mut left) = (Sha512::new(), file.size);
        let mut buffer = vec![0; BUFFER];
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            self.exact(&mut buffer[..part])?;
            hash.update(&buffer[..part]);
            left -= part as u64;
        }
        if hash.finalize()[..] != file.integrity.sha512()[..] {
            return Err(BundleError::Damaged { at, found: format!("{path} has another digest") });
        }
        self.padding(file.size)
    }

    fn padding(&mut self, size: u64) -> Result<(), BundleError> {
        self.empty(padding(size))
    }

    /// Reads the end.
    pub(super) fn end(&mut self) -> Result<(), BundleError> {
        self.empty(END)
    }

    fn empty(&mut self, length: u64) -> Result<(), BundleError> {
        let at = self.at;
        let mut block: End = [0; 1024];
        let block = &mut block[..usize::try_from(length.min(END)).unwrap_or_default()];
        self.exact(block)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        Err(BundleError::Damaged { at, found: "there are bytes between two files".to_owned() })
    }
}
