//! Publishes a tarball with the registry's typed operations and reads it back: no HTTP, no npm, no token.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::auth::{Caller, Principal};
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! use registry_testkit::tarball::Tarball;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).open_to_everyone().build();
//! let robot = Caller::from(Principal::user("release-robot"));
//! let published =
//!     publish_without_http::publish(&registry, &robot, Tarball::new("pear", "1.0.0").pack().into()).await?;
//! assert_eq!(published.version.as_str(), "1.0.0");
//! # Ok::<(), anyhow::Error>(()) }).unwrap();
//! ```

use anyhow::ensure;
use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_core::auth::Caller;
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;
use registry_core::packages::Published;
use registry_core::{Error, Registry};

/// Publishes a tarball, as `npm pack` makes it, under the tag `latest`. Its `package.json` says name and version.
///
/// The access rules decide whether `caller` may, exactly as over HTTP; to make a caller is to vouch for them.
pub async fn publish(registry: &Registry, caller: &Caller, tarball: Bytes) -> anyhow::Result<Published> {
    // Unpacking and hashing take time, which the threads that serve others do not have.
    let check = move || Publication::from_tarball(tarball, DistTag::latest(), &Limits::default());
    let publication = tokio::task::spawn_blocking(check).await?.map_err(Error::from)?;
    Ok(registry.publish(caller, publication).await?)
}

/// The tarball of what was published, read from the store and checked against its digest.
pub async fn read_back(
    registry: &Registry,
    caller: &Caller,
    published: &Published,
) -> anyhow::Result<Vec<u8>> {
    let found = registry.find_tarball(caller, &published.name, &published.version).await?;
    let opened = registry.open_tarball(&found, None).await?;
    let tarball = opened.stream.try_fold(Vec::new(), async |mut tarball, chunk| {
        tarball.extend_from_slice(&chunk);
        Ok(tarball)
    });
    let tarball = tarball.await?;
    ensure!(published.integrity.matches(&tarball), "the store gave other bytes than were published");
    Ok(tarball)
}
