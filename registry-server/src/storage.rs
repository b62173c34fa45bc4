//! Opens the store that the configuration names, and proves that it can be relied on.

use std::sync::Arc;

use anyhow::Context as _;

use crate::settings::{StorageSettings, StorageUrl};
use registry_core::Registry;
use registry_core::randomness::{Randomness, SystemRandomness};
#[cfg(feature = "clouds")]
use registry_core::storage::open_bucket;
use registry_core::storage::{BlobPrefix, BlobStore, Key, LocalDisk, ObjectStoreBlobs, probe};

/// Opens the store and tries whether it keeps the promises that the registry builds on.
pub(crate) async fn open(settings: &StorageSettings) -> anyhow::Result<Arc<dyn BlobStore>> {
    let store = open_untried(settings)?;
    let mut id = [0; 8];
    SystemRandomness.fill(&mut id);
    let id = format!("{:016x}", u64::from_be_bytes(id));
    let tried = probe(store.as_ref(), &id).await;
    tried.with_context(|| format!("the storage {} cannot be used", settings.url))?;
    if settings.must_exist {
        refuse_empty(store.as_ref(), settings).await?;
    }
    tracing::info!(storage = %store, "storage is open");
    Ok(store)
}

/// Learns which store this is, so that an empty one that takes its place later is told from it.
pub(crate) async fn open_registry(registry: &Registry, settings: &StorageSettings) -> anyhow::Result<()> {
    let opened = registry.open().await;
    opened.with_context(|| format!("the storage {} cannot be opened as that of a registry", settings.url))
}

/// Refuses a store in which there is no registry: for commands that look into a server's, and would answer for an empty
/// one that nothing is there.
pub(crate) async fn refuse_empty(store: &dyn BlobStore, settings: &StorageSettings) -> anyhow::Result<()> {
    let marker = store.get(&Key::Marker.path()?).await?;
    // One that was last written by an earlier release has no marker yet.
    if marker.is_none() && store.list_folders(&BlobPrefix::ROOT).await?.is_empty() {
        anyhow::bail!(no_registry_in(settings));
    }
    Ok(())
}

fn no_registry_in(settings: &StorageSettings) -> String {
    let url = &settings.url;
    if settings.must_exist {
        format!(
            "there is no registry in {url}, and storage.must_exist is true: mount the storage, or set it to false to begin \
             a registry there"
        )
    } else {
        format!(
            "there is no registry in {url}: name the server's storage with --storage or --config, mount it, or start the \
             server once"
        )
    }
}

/// Refuses a store that nobody else sees, for what is to be done to that of a server.
pub(crate) fn refuse_memory(settings: &StorageSettings) -> anyhow::Result<()> {
    if matches!(settings.url, StorageUrl::Memory) {
        anyhow::bail!(
            "nothing is kept in the storage memory: name the server's storage with --storage or --config"
        );
    }
    Ok(())
}

/// Opens the store and believes it.
pub(crate) fn open_untried(settings: &StorageSettings) -> anyhow::Result<Arc<dyn BlobStore>> {
    let url = &settings.url;
    let store: Arc<dyn BlobStore> = match url {
        StorageUrl::Memory => {
            tracing::warn!("storage is memory: everything is gone when the server stops");
            Arc::new(ObjectStoreBlobs::in_memory())
        }
        StorageUrl::Folder(folder) => {
            // Before anything is made in a folder that may be where a volume is to be mounted.
            if settings.must_exist && !folder.join("version").exists() {
                anyhow::bail!(no_registry_in(settings));
            }
            let disk = LocalDisk::open(folder).map_err(|error| {
                let error = format!("{:#}", anyhow::Error::new(error));
                anyhow::anyhow!(
                    "cannot open the storage {url}: {error}; or name another folder with --storage file:DIR"
                )
            })?;
            Arc::new(disk)
        }
        #[cfg(feature = "clouds")]
        StorageUrl::Bucket(bucket) => {
            let blobs = open_bucket(bucket, &settings.options);
            Arc::new(blobs.with_context(|| format!("cannot open the storage {url}"))?)
        }
        #[cfg(not(feature = "clouds"))]
        StorageUrl::Bucket(_) => anyhow::bail!("this build has no support for the storage {url}"),
    };
    Ok(store)
}

#[cfg(test)]
#[cfg(feature = "aws")]
mod tests {
    use registry_core::storage::{BucketError, open_bucket};

    fn open(url: &str, options: &[(&str, &str)]) -> Result<String, BucketError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        open_bucket(&url.parse().unwrap(), &options).map(|store| store.to_string())
    }

    #[test]
    fn a_prefix_is_taken_from_the_url() {
        let region = [("aws_region", "eu-west-1")];
        assert_eq!(open("s3://bucket/team/a/", &region).unwrap(), "s3://bucket/team/a");
        assert_eq!(open("s3://bucket", &region).unwrap(), "s3://bucket");
    }

    #[test]
    fn a_mistyped_option_is_refused() {
        let refused = open("s3://bucket", &[("aws_regoin", "eu-west-1")]);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "`aws_regoin` is not an option of s3:// storage; did you mean `aws_region`?"
        );
    }
}
