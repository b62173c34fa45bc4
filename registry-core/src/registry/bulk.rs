use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::Registry;
use crate::bulk::{
    Bulk, BulkError, BulkMode, BulkParts, BulkStream, MovedPackage, RewrittenObject, SentPackage,
    StorageInventory, TarballBase,
};
use crate::storage::BlobPath;

impl Registry {
    /// Moves the tarball URLs that codebox-npm stored in packuments to `base`, for a codebox-npm that still runs on the
    /// storage; without a base, only reports them. This registry needs neither: it renders URLs for each request. Every
    /// other byte of the packuments stays as it is.
    pub fn move_tarball_urls(&self, base: Option<TarballBase>, mode: BulkMode) -> BulkStream<MovedPackage> {
        self.bulk().move_tarball_urls(base, mode)
    }

    /// Writes every object again with the same bytes, so that the store applies its present settings to it, such as the
    /// encryption, and reads each back. An object that another process changes meanwhile is not overwritten. With
    /// `before`, leaves out objects that were written since.
    pub fn rewrite_objects(
        &self,
        before: Option<DateTime<Utc>>,
        mode: BulkMode,
    ) -> BulkStream<RewrittenObject> {
        self.bulk().rewrite_objects(before, mode)
    }

    /// Sends the latest version of every hosted package to the sinks of the change feed, as an event of the kind
    /// `indexed`, which the feed does not get.
    pub fn send_packages_again(&self, mode: BulkMode) -> BulkStream<SentPackage> {
        self.bulk().send_packages_again(mode)
    }

    /// Compares the search index with the packages, however recent it is.
    pub async fn rebuild_search_index(&self) -> Result<(), BulkError> {
        self.bulk().rebuild_search_index().await
    }

    /// Counts the objects in the storage.
    pub async fn inventory(&self) -> Result<StorageInventory, BulkError> {
        self.bulk().inventory().await
    }

    /// Deletes every object in the storage, those included that are not the registry's. `_registry.json` goes first: a
    /// server that still runs answers 503 from then on where it finds nothing. A store that keeps old versions of
    /// objects keeps them.
    pub fn remove_objects(&self) -> BulkStream<BlobPath> {
        self.bulk().remove_objects()
    }

    fn bulk(&self) -> Bulk {
        let parts = BulkParts {
            store: Arc::clone(&self.parts.store),
            clock: Arc::clone(&self.parts.http.clock),
            changes: self.parts.changes.clone(),
            catalog: Arc::clone(&self.parts.search.catalog),
            search: Arc::clone(&self.parts.search),
        };
        Bulk::new(parts, self.authorization())
    }
}
