use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::storage::{BlobPath, BlobPathError, BlobPrefix, Key};

use super::{Bulk, BulkError, BulkStream};

/// How many objects are deleted at the same time.
const DELETIONS: usize = 32;
/// After how long without a write a storage counts as unused.
const QUIET: Duration = Duration::from_mins(10);

/// What is in a storage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageInventory {
    /// Folder at the top → what is in it. Objects at the top are in the folder of the name `/`.
    pub folders: BTreeMap<String, FolderSize>,
    /// When an object was last written, by the clock of the store; `None` in an empty storage.
    pub last_write: Option<DateTime<Utc>>,
}

/// What is in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderSize {
    /// The number of objects.
    pub objects: u64,
    /// Their bytes together.
    pub bytes: u64,
}

impl FolderSize {
    fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

impl StorageInventory {
    /// Returns the sum of all folders.
    pub fn total(&self) -> FolderSize {
        let mut total = FolderSize::default();
        for folder in self.folders.values() {
            total.add(*folder);
        }
        total
    }

    /// Whether an object was written within the last ten minutes: another process seems to use the storage. A server
    /// that only answers reads leaves no such trace.
    pub fn seems_used(&self, now: DateTime<Utc>) -> bool {
        // A clock that is behind that of the store yields a negative time, which is recent.
        self.last_write.is_some_and(|last| (now - last).to_std().is_ok_and(|age| age < QUIET) || last > now)
    }
}

impl Bulk {
    /// Counts all objects.
    pub(crate) async fn inventory(&self) -> Result<StorageInventory, BulkError> {
        let mut listed = self.parts.store.list(&BlobPrefix::ROOT);
        let mut inventory = StorageInventory::default();
        while let Some(blob) = listed.try_next().await.map_err(BulkError::Listing)? {
            let folder = blob.path.as_str().split_once('/').map_or("/", |(folder, _)| folder);
            let size = FolderSize { objects: 1, bytes: blob.length };
            match inventory.folders.get_mut(folder) {
                Some(known) => known.add(size),
                None => {
                    inventory.folders.insert(folder.to_owned(), size);
                }
            }
            inventory.last_write = inventory.last_write.max(Some(blob.last_modified));
        }
        Ok(inventory)
    }

    /// Deletes all objects, the marker first, so that servers on the storage do not take the absence of a package for
    /// a free name. Ends with an error if another process wrote objects meanwhile.
    pub(crate) fn remove_objects(&self) -> BulkStream<BlobPath> {
        let bulk = self.clone();
        let first = async move {
            match bulk.remove_marker().await {
                Err(error) => stream::iter([Err(error)]).boxed(),
                Ok(marker) => {
                    let left = bulk.clone();
                    let left = stream::once(async move { left.written_meanwhile().await });
                    let rest = bulk.remove_rest();
                    stream::iter([Ok(marker)]).chain(rest).chain(left.filter_map(ready)).boxed()
                }
            }
        };
        stream::once(first).flatten().boxed()
    }

    async fn remove_marker(&self) -> Result<BlobPath, BulkError> {
        let marker = Key::Marker.path().map_err(|error: BlobPathError| BulkError::Packages(error.into()))?;
        self.delete(marker).await
    }

    fn remove_rest(&self) -> BulkStream<BlobPath> {
        let bulk = self.clone();
        self.parts
            .store
            .list(&BlobPrefix::ROOT)
            .map_err(BulkError::Listing)
            .map(move |listed| {
                let bulk = bulk.clone();
                async move { bulk.delete(listed?.path).await }
            })
            .buffer_unordered(DELETIONS)
            .boxed()
    }

    async fn delete(&self, path: BlobPath) -> Result<BlobPath, BulkError> {
        self.parts.store.delete(&path).await.map_err(BulkError::of_object(&path))?;
        Ok(path)
    }

    async fn written_meanwhile(&self) -> Option<Result<BlobPath, BulkError>> {
        match self.inventory().await.map(|inventory| inventory.total().objects) {
            Ok(0) => None,
            Ok(objects) => Some(Err(BulkError::WrittenMeanwhile { objects })),
            Err(error) => Some(Err(error)),
        }
    }
}
