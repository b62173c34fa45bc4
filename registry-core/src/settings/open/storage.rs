//! Opens the configured store, and verifies that it is reliable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::error::BoxError;
use crate::randomness::{Randomness as _, SystemRandomness};
use crate::settings::error::Context as _;
use crate::settings::{SettingsError, StorageSettings, StorageUrl};
use crate::storage::{BlobPrefix, BlobStore, Key, ObjectStoreBlobs, probe};

use super::{Trial, install_tls_provider};

/// Opens the store. With [`Trial::Always`], probes whether it keeps the contract that the registry relies on.
pub async fn open_store(
    settings: &StorageSettings,
    trial: Trial,
) -> Result<Arc<dyn BlobStore>, SettingsError> {
    open_and_try(settings, trial, settings.must_exist).await
}

/// Opens the store, and refuses one in which there is no registry, in which it leaves nothing: for commands that look into a
/// server's, and would answer for an empty one that nothing is there.
pub async fn open_existing_store(
    settings: &StorageSettings,
    trial: Trial,
) -> Result<Arc<dyn BlobStore>, SettingsError> {
    open_and_try(settings, trial, true).await
}

/// Returns the encryption that is requested for each object of the store, such as `AES256`; `None` if none is.
pub fn storage_encryption(settings: &StorageSettings) -> Result<Option<String>, SettingsError> {
    match &settings.url {
        #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
        StorageUrl::Bucket(bucket) => crate::storage::bucket_encryption(bucket, &settings.options)
            .with_context(|| format!("cannot open the storage {}", settings.url)),
        _ => Ok(None),
    }
}

/// Returns the old versions that the store keeps of its objects and that can be deleted; `None` for a store that is no
/// bucket of S3.
#[cfg(feature = "aws")]
pub fn storage_versions(
    settings: &StorageSettings,
) -> Result<Option<crate::storage::BucketVersions>, SettingsError> {
    match &settings.url {
        StorageUrl::Bucket(bucket) => crate::storage::BucketVersions::open(bucket, &settings.options)
            .with_context(|| format!("cannot open the storage {}", settings.url)),
        _ => Ok(None),
    }
}

async fn open_and_try(
    settings: &StorageSettings,
    trial: Trial,
    must_exist: bool,
) -> Result<Arc<dyn BlobStore>, SettingsError> {
    install_tls_provider();
    let cannot_be_used = || format!("the storage {} cannot be used", settings.url);
    let store = open(settings, must_exist)?;
    // Before the trial, which writes.
    if must_exist && is_empty(store.as_ref()).await.with_context(cannot_be_used)? {
        return Err(no_registry_in(settings));
    }
    if trial == Trial::Always {
        let mut id = [0; 8];
        SystemRandomness.fill(&mut id);
        let id = format!("{:016x}", u64::from_be_bytes(id));
        probe(store.as_ref(), &id).await.with_context(cannot_be_used)?;
        tracing::info!(storage = %store, "storage is open");
    }
    Ok(store)
}

async fn is_empty(store: &dyn BlobStore) -> Result<bool, BoxError> {
    let marker = Key::Marker.path()?;
    // A store that an earlier release last wrote has no marker yet.
    Ok(store.get(&marker).await?.is_none() && store.list_folders(&BlobPrefix::ROOT).await?.is_empty())
}

fn no_registry_in(settings: &StorageSettings) -> SettingsError {
    let url = &settings.url;
    SettingsError::new(if settings.must_exist {
        format!(
            "there is no registry in {url}, and storage.must_exist is true: mount the storage, or set it to false to begin \
             a registry there"
        )
    } else {
        format!(
            "there is no registry in {url}: name the server's storage with --storage or --config, mount it, or start the \
             server once"
        )
    })
}

/// Opens the store without a probe.
fn open(settings: &StorageSettings, must_exist: bool) -> Result<Arc<dyn BlobStore>, SettingsError> {
    let store: Arc<dyn BlobStore> = match &settings.url {
        StorageUrl::Memory => {
            tracing::warn!("storage is memory: everything is gone when the server stops");
            Arc::new(ObjectStoreBlobs::in_memory())
        }
        StorageUrl::Folder(folder) => open_folder(settings, folder, must_exist)?,
        StorageUrl::Bucket(bucket) => open_bucket(settings, bucket)?,
    };
    Ok(store)
}

/// Checks the storage without a request, and without creating anything. Returns the folders that it writes to.
pub(super) fn check(settings: &StorageSettings) -> Result<Vec<PathBuf>, SettingsError> {
    match &settings.url {
        StorageUrl::Memory => Ok(Vec::new()),
        StorageUrl::Folder(folder) => check_folder(settings, folder),
        StorageUrl::Bucket(bucket) => open_bucket(settings, bucket).map(|_| Vec::new()),
    }
}

#[cfg(feature = "local-disk")]
fn check_folder(settings: &StorageSettings, folder: &Path) -> Result<Vec<PathBuf>, SettingsError> {
    if settings.must_exist && is_no_registry(folder) {
        return Err(no_registry_in(settings));
    }
    let folders = crate::storage::LocalDisk::check(folder).map_err(|error| cannot_open(settings, error))?;
    if settings.must_exist && crate::storage::LocalDisk::is_emptied(folder) {
        return Err(no_registry_in(settings));
    }
    Ok(folders)
}

#[cfg(not(feature = "local-disk"))]
fn check_folder(settings: &StorageSettings, _: &Path) -> Result<Vec<PathBuf>, SettingsError> {
    Err(not_in_this_build(&settings.url, "local-disk"))
}

/// A folder that this user may not read may be a registry: opening it says why it cannot be read.
#[cfg(feature = "local-disk")]
fn is_no_registry(folder: &Path) -> bool {
    matches!(folder.join("version").try_exists(), Ok(false))
}

#[cfg(feature = "local-disk")]
fn cannot_open(settings: &StorageSettings, error: crate::storage::LocalDiskError) -> SettingsError {
    let (url, error) = (&settings.url, SettingsError::of(error));
    SettingsError::new(format!(
        "cannot open the storage {url}: {error:#}; or name another folder with --storage file:DIR"
    ))
}

#[cfg(feature = "local-disk")]
fn open_folder(
    settings: &StorageSettings,
    folder: &Path,
    must_exist: bool,
) -> Result<Arc<dyn BlobStore>, SettingsError> {
    use crate::storage::LocalDisk;

    // Checked before anything is created in a folder that may be the mount point of a volume.
    if must_exist && is_no_registry(folder) {
        return Err(no_registry_in(settings));
    }
    let disk = LocalDisk::open(folder).map_err(|error| cannot_open(settings, error))?;
    Ok(Arc::new(disk))
}

#[cfg(not(feature = "local-disk"))]
fn open_folder(settings: &StorageSettings, _: &Path, _: bool) -> Result<Arc<dyn BlobStore>, SettingsError> {
    Err(not_in_this_build(&settings.url, "local-disk"))
}

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
fn open_bucket(settings: &StorageSettings, bucket: &Url) -> Result<Arc<dyn BlobStore>, SettingsError> {
    let blobs = crate::storage::open_bucket(bucket, &settings.options);
    Ok(Arc::new(blobs.with_context(|| format!("cannot open the storage {}", settings.url))?))
}

#[cfg(not(any(feature = "aws", feature = "azure", feature = "gcp")))]
fn open_bucket(settings: &StorageSettings, _: &Url) -> Result<Arc<dyn BlobStore>, SettingsError> {
    Err(not_in_this_build(&settings.url, "aws"))
}

#[cfg(not(all(feature = "local-disk", any(feature = "aws", feature = "azure", feature = "gcp"))))]
fn not_in_this_build(url: &StorageUrl, feature: &str) -> SettingsError {
    SettingsError::new(format!(
        "this build has no support for the storage {url}; build it with --features {feature}"
    ))
}
