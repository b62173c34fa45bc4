use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::vec;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::folder::Folder;
use super::state::is_missing;
use crate::storage::{BlobError, BlobPath, BlobPrefix, ListedBlob};

/// How many blobs are looked up per hop to a blocking thread.
const BATCH: usize = 512;

pub(super) fn blobs(folder: Folder, prefix: BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
    let start = Walk::new(folder.objects.to_path_buf(), prefix.path().map_or("", BlobPath::as_str));
    stream::try_unfold(start, move |mut walk| {
        let (folder, prefix) = (folder.clone(), prefix.clone());
        async move {
            let (batch, walk) = folder.run(&prefix, move |_| walk.batch().map(|batch| (batch, walk))).await?;
            Ok((!batch.is_empty()).then(|| (stream::iter(batch.into_iter().map(Ok)), walk)))
        }
    })
    .try_flatten()
    .boxed()
}

/// Returns the names of the folders directly below `below` that contain a blob at some depth.
pub(super) fn folders(below: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in entries(below)? {
        // A process that is killed between creating a folder and filling it leaves an empty one.
        if entry.is_folder && holds_file(&below.join(&entry.name))? {
            names.push(entry.name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn holds_file(folder: &Path) -> io::Result<bool> {
    for entry in entries(folder)? {
        if !entry.is_folder || holds_file(&folder.join(&entry.name))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Walks all files below a folder in the order of their paths, reading one folder at a time.
struct Walk {
    objects: PathBuf,
    /// For each folder on the way down, its path and its entries not yet visited.
    open: Vec<(String, vec::IntoIter<Entry>)>,
    start: Option<String>,
}

struct Entry {
    name: String,
    is_folder: bool,
}

impl Walk {
    fn new(objects: PathBuf, start: &str) -> Self {
        Self { objects, open: Vec::new(), start: Some(start.to_owned()) }
    }

    /// Returns the next blobs, none at the end.
    fn batch(&mut self) -> io::Result<Vec<ListedBlob>> {
        if let Some(start) = self.start.take() {
            self.descend(start)?;
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some((folder, entries)) = self.open.last_mut()
        {
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            if entry.is_folder {
                self.descend(path)?;
            } else {
                batch.extend(self.blob(&path)?);
            }
        }
        Ok(batch)
    }

    fn descend(&mut self, path: String) -> io::Result<()> {
        let mut entries: Vec<Entry> = entries(&self.objects.join(&path))?.collect();
        // Paths below a folder continue with `/`, which sorts after `-` and `.`: `a.b` comes before `a/b`.
        let key = |entry: &Entry| if entry.is_folder { entry.name.clone() + "/" } else { entry.name.clone() };
        entries.sort_by_cached_key(key);
        self.open.push((path, entries.into_iter()));
        Ok(())
    }

    /// Returns `None` if the file was deleted in the meantime, or its name is not a valid blob path.
    fn blob(&self, path: &str) -> io::Result<Option<ListedBlob>> {
        let Ok(path) = BlobPath::parse(path) else { return Ok(None) };
        match self.objects.join(path.as_str()).symlink_metadata() {
            Ok(metadata) => {
                let (length, last_modified) = (metadata.len(), metadata.modified()?.into());
                Ok(Some(ListedBlob { path, length, last_modified }))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns the files and folders in `folder`; none if it is not a folder.
///
/// A link, a pipe or a device is an error: it may hide a package, which a listing would then report as absent. Names
/// that are not Unicode are not blob paths.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = Entry> + use<>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        // No blob is below a file. A read below it reports a file in place of a folder.
        Err(error) if is_missing(&error) || error.kind() == ErrorKind::NotADirectory => {
            return Ok(Vec::new().into_iter());
        }
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error),
        };
        if !kind.is_dir() && !kind.is_file() {
            return Err(io::Error::new(
                ErrorKind::IsADirectory,
                format!("{name} is neither a file nor a folder: move it out of the store's folder"),
            ));
        }
        entries.push(Entry { name, is_folder: kind.is_dir() });
    }
    Ok(entries.into_iter())
}
