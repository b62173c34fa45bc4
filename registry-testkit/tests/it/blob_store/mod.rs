//! The stores of the library keep the contract, also across processes and crashes; stores that do not are found out.

mod broken;
mod broken_stores;
#[cfg(unix)]
mod clouds;
mod crash;
#[cfg(unix)]
mod credentials;
mod digest_tags;
mod faulty;
mod local_disk;
mod probe;
mod processes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registry_core::storage::{BlobPath, BlobPrefix, LocalDisk, ObjectStoreBlobs};
use registry_testkit::conformance::{self, BlobStoreCapabilities};

const NO_URLS: BlobStoreCapabilities = BlobStoreCapabilities { signed_urls: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_conforms() {
    conformance::blob_store(|| async { Arc::new(ObjectStoreBlobs::in_memory()) as _ }, NO_URLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_prefix_of_a_store_conforms() {
    let shared = Arc::new(object_store::memory::InMemory::new());
    let make = || async {
        let team = BlobPrefix::folder(BlobPath::parse("one/team").unwrap());
        Arc::new(ObjectStoreBlobs::new(Arc::clone(&shared) as _, "shared").with_prefix(team)) as _
    };
    conformance::blob_store(make, NO_URLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn local_disk_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let stores = AtomicUsize::new(0);
    let make = || async {
        let store = folder.path().join(stores.fetch_add(1, Ordering::Relaxed).to_string());
        Arc::new(LocalDisk::open(store).unwrap()) as _
    };
    conformance::blob_store(make, NO_URLS).await;
}
