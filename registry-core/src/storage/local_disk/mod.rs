mod commit;
mod failures;
mod folder;
mod list;
mod open;
mod read;
mod staged;
mod state;
mod turns;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use url::Url;

use super::regroup::Regrouped;
use super::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use folder::Folder;
pub use open::LocalDiskError;
use staged::Staged;
use state::{State, condition_holds};
use turns::Turns;

/// The bytes of a stream written at a time.
const CHUNK: usize = 1024 * 1024;

/// A store in a folder, for any number of processes on one machine.
///
/// ```
/// use registry_core::storage::{BlobPath, BlobStore, LocalDisk, When};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("data");
/// let path = BlobPath::parse("fruit/pear")?;
/// let _ = LocalDisk::open(&folder)?.put(&path, "green".into(), When::Absent).await?;
///
/// let reopened = LocalDisk::open(&folder)?;
/// assert_eq!(reopened.get(&path).await?.unwrap().bytes, "green");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// Layout of the folder
///
/// ```text
/// version            the format, so that neither a stranger's folder nor a later format is written to
/// objects/{path}     the blobs, plain files: back up this
/// locks/{00..ff}     one lock file for each 256th of the paths; never delete them while a registry runs
/// staging/           files being written; leftovers of a crash are swept by the next `open`
/// ```
///
/// A write creates a file in `staging/`, syncs it, takes the lock, compares the `ETag`, renames the file into
/// `objects/`, syncs the folder, and unlocks. A read takes no lock.
///
/// # Limits
///
/// - The disk must be local: locks over NFS and other network file systems are not reliable. To share a store between
///   machines, use an object store.
/// - `staging/` and `objects/` must be on one file system.
/// - Every user with write access to the folder is trusted. A symbolic link, a folder, or anything else in place of a
///   blob is neither followed nor replaced, and never counts as missing: reads, writes and deletes fail until it is
///   moved away, and so does listing a folder with a link in it.
/// - Needs a Tokio runtime.
#[derive(Clone)]
pub struct LocalDisk {
    folder: Folder,
    turns: Arc<Turns>,
}

impl LocalDisk {
    /// Opens the store in the folder `root`, and creates it if needed (closed to other users, as it will contain
    /// password hashes and private packages). Sweeps leftovers of crashed processes. Blocks on the disk.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, LocalDiskError> {
        Ok(Self { folder: open::open(&root.into())?, turns: Arc::new(Turns::new()) })
    }

    /// Checks whether [`LocalDisk::open`] would take the folder, without creating anything in it. Returns the existing
    /// folders that it would write to, which must be writable. Blocks on the disk.
    pub fn check(root: impl AsRef<Path>) -> Result<Vec<PathBuf>, LocalDiskError> {
        open::check(root.as_ref())
    }

    /// Whether the folder has neither the marker of a registry nor a package. Creates nothing. Blocks on the disk.
    #[cfg(feature = "settings")]
    pub(crate) fn is_emptied(root: &Path) -> bool {
        open::is_emptied(root)
    }

    /// **For tests only**: writes survive a crash of the process, but not of the machine.
    #[must_use]
    pub fn without_fsync(mut self) -> Self {
        self.folder.fsync = false;
        self
    }

    /// Writes the bytes to a file of their own, durable, but not yet a blob.
    async fn stage(&self, path: &BlobPath, bytes: Bytes) -> Result<Staged, BlobError> {
        let slot = self.turns.slot().await;
        self.folder
            .run(path, move |folder| {
                let _slot = slot;
                Staged::holding(folder, &bytes)
            })
            .await
    }

    async fn stage_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<Staged, BlobError> {
        let mut chunks = Regrouped::new(path, stream, CHUNK);
        let mut staged = self.folder.run(path, Staged::create).await?;
        while let Some(chunk) = chunks.next().await? {
            staged = self.folder.run(path, move |_| staged.write(&chunk).map(|()| staged)).await?;
        }
        self.folder.run(path, move |folder| staged.seal(folder.fsync).map(|()| staged)).await
    }

    async fn commit(&self, path: &BlobPath, staged: Staged, when: When) -> Result<PutOutcome, BlobError> {
        let turn = self.turns.take(path).await;
        let target = path.clone();
        // The turn moves into the blocking closure, which runs to its end even if no caller waits for it. Held here, a
        // dropped future would release the lock while the rename is still in progress.
        self.folder.run(path, move |folder| commit::put(folder, turn, &target, staged, &when)).await
    }
}

#[async_trait]
impl BlobStore for LocalDisk {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        let file = self.folder.file(path);
        self.folder.run(path, move |_| read::whole(&file)).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        // On this thread: a stat of a recently used file is answered from memory in about a microsecond, while the hop
        // to a blocking thread and back costs ten times that. Each install does this once per package.
        let state = State::at(&self.folder.file(path)).map_err(|error| self.folder.failed(path, error))?;
        match state {
            None => return Ok(Fetched::Missing),
            Some(state) if state.is(known) => return Ok(Fetched::Unchanged),
            Some(_) => {}
        }
        Ok(self.get(path).await?.map_or(Fetched::Missing, Fetched::Changed))
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        read::open(&self.folder, path, range).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        if when != When::Always {
            let file = self.folder.file(path);
            let state = State::at(&file).map_err(|error| self.folder.failed(path, error))?;
            if !condition_holds(&when, state.as_ref()) {
                // The condition already fails, so nothing need be written and synced first.
                self.folder.run(path, move |folder| commit::conflict(folder, &file, &when)).await?;
                return Ok(PutOutcome::Conflict);
            }
        }
        let staged = self.stage(path, bytes).await?;
        self.commit(path, staged, when).await
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let staged = self.stage_stream(path, stream).await?;
        match self.commit(path, staged, When::Always).await? {
            PutOutcome::Stored(etag) => Ok(etag),
            PutOutcome::Conflict => {
                Err(self.folder.unknown(path, "a write without condition met a conflict"))
            }
        }
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        let turn = self.turns.take(path).await;
        let target = path.clone();
        self.folder.run(path, move |folder| commit::delete(folder, turn, &target)).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        list::blobs(self.folder.clone(), prefix.clone())
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        let below = self.folder.below(prefix);
        self.folder.run(prefix, move |_| list::folders(&below)).await
    }

    /// `None`: a folder has no URLs.
    async fn signed_url(
        &self,
        _: &BlobPath,
        _: Duration,
        _: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        Ok(None)
    }
}

impl fmt::Display for LocalDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.folder, formatter)
    }
}

impl fmt::Debug for LocalDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalDisk").field("folder", &self.folder).finish_non_exhaustive()
    }
}
