use std::cell::RefCell;
use std::io::{self, Read};

use tar::Archive;

use super::TarballError;
use super::header::{self, Kind};
use super::inspect::read_description;
use super::pax;
use super::unpacker::Unpacker;

/// Takes the path of a file below the package's folder, its size and its content.
pub(crate) type Visit<'a> = dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<()> + 'a;

/// Reads the files of a tarball one after the other, within limits on the bytes of the archive and on its entries. Unlike
/// [`inspect`](super::inspect()), it does not check whether clients would install the files alike: for tarballs that were
/// inspected, or are only looked at. Memory is never used in a size that the tarball declares.
pub(crate) fn each_file(
    tarball: &[u8],
    unpacked_bytes: u64,
    most_entries: usize,
    visit: &mut Visit<'_>,
) -> Result<(), TarballError> {
    let failure = RefCell::new(None);
    let unpacker = Unpacker::new(tarball, unpacked_bytes, &failure)?;
    // The unpacker's error is more precise than the one that the tar reader derives from it.
    read(unpacker, most_entries, visit).map_err(|error| failure.take().unwrap_or(error))
}

fn read(unpacker: Unpacker<'_>, most_entries: usize, visit: &mut Visit<'_>) -> Result<(), TarballError> {
    let mut archive = Archive::new(unpacker);
    let (mut long_path, mut extended) = (None, Vec::new());
    let entries = archive.entries().map_err(|error| header::corrupt(&error))?;
    for (number, entry) in entries.raw(true).enumerate() {
        if number >= most_entries {
            return Err(TarballError::TooManyEntries { limit: most_entries });
        }
        let mut entry = entry.map_err(|error| header::corrupt(&error))?;
        match header::kind(entry.header())? {
            Kind::LongPath => long_path = Some(read_description(&mut entry)?),
            Kind::Extended => extended = read_description(&mut entry)?,
            Kind::GlobalExtended => {}
            Kind::Folder => (long_path, extended) = (None, Vec::new()),
            Kind::File => {
                let (long_path, extended) = (long_path.take(), std::mem::take(&mut extended));
                let corrupt = |reason: &str| TarballError::CorruptTar { reason: reason.to_owned() };
                let extensions = pax::parse(&extended).map_err(corrupt)?;
                let path = header::path(entry.header(), long_path.as_deref(), &extensions)?;
                let size = header::size(entry.header())?;
                if let Some(installed) = path.installed() {
                    visit(installed, size, &mut entry).map_err(|error| header::corrupt(&error))?;
                }
            }
        }
    }
    Ok(())
}
