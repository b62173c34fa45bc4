use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bytes::Bytes;

use super::BundleError;
use super::archive::{End, MANIFEST, SIGNATURE, header, write_file, write_padding};

/// A tarball in the file that tarballs are collected in.
pub(super) struct Collected {
    pub(super) path: String,
    pub(super) at: u64,
    pub(super) size: u64,
}

/// The content of an archive, in its order.
pub(super) struct Content {
    pub(super) manifest: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// Path and bytes.
    pub(super) packuments: Vec<(String, Bytes)>,
    pub(super) tarballs: Vec<Collected>,
}

impl Content {
    /// Writes the archive, and returns its length.
    pub(super) fn write(&self, archive: &File, tarballs: &File, output: &Path) -> Result<u64, BundleError> {
        self.write_all(archive, tarballs).map_err(BundleError::writing(output))
    }

    fn write_all(&self, archive: &File, mut tarballs: &File) -> io::Result<u64> {
        let mut archive = BufWriter::with_capacity(256 << 10, archive);
        write_file(&mut archive, MANIFEST, &self.manifest)?;
        write_file(&mut archive, SIGNATURE, &self.signature)?;
        for (path, bytes) in &self.packuments {
            write_file(&mut archive, path, bytes)?;
        }
        for Collected { path, at, size } in &self.tarballs {
            archive.write_all(&header(path, *size)?)?;
            (&mut tarballs).seek(SeekFrom::Start(*at))?;
            if io::copy(&mut (&mut tarballs).take(*size), &mut archive)? < *size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            write_padding(&mut archive, *size)?;
        }
        let end: End = [0; 1024];
        archive.write_all(&end)?;
        archive.flush()?;
        archive.stream_position()
    }
}
