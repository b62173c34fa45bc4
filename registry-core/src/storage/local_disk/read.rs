use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::folder::Folder;
use super::state::{State, is_missing, no_file};
use crate::storage::{Blob, BlobError, BlobPath, BlobRange, OpenBlob};

/// The bytes read at a time: enough to make the hop to a blocking thread cheap, few enough to buffer for each reader.
const CHUNK: u64 = 256 * 1024;

/// The bytes read as the file is opened. Nearly every tarball is shorter, and so costs one hop, which is more expensive
/// than reading this much from the page cache.
const FIRST_CHUNK: u64 = 2 * CHUNK;

/// Reads the blob in the file at `path`.
pub(super) fn whole(path: &Path) -> io::Result<Option<Blob>> {
    let Some((mut file, state)) = open_file(path)? else { return Ok(None) };
    let bytes = read_chunk(&mut file, state.length)?;
    Ok(Some(Blob { bytes, etag: state.etag() }))
}

/// Opens the blob, or a range of it, as a stream.
pub(super) async fn open(
    folder: &Folder,
    path: &BlobPath,
    range: Option<BlobRange>,
) -> Result<Option<OpenBlob>, BlobError> {
    let at = folder.file(path);
    let opened = folder.run(path, move |_| open_range(&at, range)).await?;
    Ok(opened.map(|(reading, first, state)| OpenBlob {
        stream: stream::once(async { Ok(first) })
            .chain(chunks(folder.clone(), path.clone(), reading))
            .boxed(),
        length: state.length,
        etag: state.etag(),
    }))
}

/// A file and the number of bytes left to read. A blob that is replaced in the meantime stays readable through it.
struct Reading {
    file: File,
    left: u64,
}

/// Opens the file and reads the first chunk in one hop.
fn open_range(path: &Path, range: Option<BlobRange>) -> io::Result<Option<(Reading, Bytes, State)>> {
    let Some((mut file, state)) = open_file(path)? else { return Ok(None) };
    let range = range.unwrap_or(BlobRange { start: 0, end: None });
    let end = range.end.unwrap_or(u64::MAX).min(state.length);
    file.seek(SeekFrom::Start(range.start.min(end)))?;
    let mut reading = Reading { file, left: end.saturating_sub(range.start) };
    let first = reading.next_chunk(FIRST_CHUNK)?;
    Ok(Some((reading, first, state)))
}

fn chunks(
    folder: Folder,
    path: BlobPath,
    reading: Reading,
) -> impl stream::Stream<Item = Result<Bytes, BlobError>> + Send {
    stream::try_unfold(reading, move |mut reading| {
        let (folder, path) = (folder.clone(), path.clone());
        async move {
            if reading.left == 0 {
                return Ok(None);
            }
            folder.run(&path, move |_| reading.next_chunk(CHUNK).map(|chunk| Some((chunk, reading)))).await
        }
    })
}

impl Reading {
    fn next_chunk(&mut self, longest: u64) -> io::Result<Bytes> {
        let length = self.left.min(longest);
        let chunk = read_chunk(&mut self.file, length)?;
        self.left -= length;
        Ok(chunk)
    }
}

/// Opens the file at `path` and takes its state from the same descriptor.
fn open_file(path: &Path) -> io::Result<Option<(File, State)>> {
    // Opening would follow a symbolic link, and would block forever on a pipe.
    if State::at(path)?.is_none() {
        return Ok(None);
    }
    match File::open(path) {
        Ok(file) => {
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(no_file());
            }
            Ok(Some((file, State::of(&metadata)?)))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the next `length` bytes. Blobs are never changed in place, so a short read means that another program cut the
/// file.
fn read_chunk(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read < length) {
        return Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "the file was truncated by another process while it was read",
        ));
    }
    Ok(bytes.into())
}
