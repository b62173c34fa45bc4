use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::TarballError;
use crate::packages::FoundTarball;
use crate::web::{BrowseLimits, TarballListing, bytes, listing_of, texts_of};

use super::viewer::Viewer;

/// How long a page waits until others have unpacked theirs.
const WAIT: Duration = Duration::from_secs(10);
const LIMITS: BrowseLimits = BrowseLimits::DEFAULT;

/// Why the files of a tarball are not shown.
#[derive(Debug)]
pub(super) enum NotBrowsable {
    TooLarge(u64),
    Busy,
    Tarball(TarballError),
}

impl fmt::Display for NotBrowsable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(length) => write!(
                formatter,
                "its tarball has {}, and pages unpack {} at most; install it to look inside",
                bytes(*length),
                bytes(LIMITS.packed)
            ),
            Self::Busy => {
                formatter.write_str("other pages are unpacking their tarballs; try again in a moment")
            }
            Self::Tarball(error) => write!(formatter, "{error}"),
        }
    }
}

impl Viewer<'_> {
    /// Lists the files of a tarball that the viewer may read.
    pub(super) async fn listing(
        &self,
        tarball: &FoundTarball,
    ) -> Result<Result<Arc<TarballListing>, NotBrowsable>, Error> {
        let (name, version) = tarball.package_version();
        let key = format!("{name} {version} {}", tarball.etag);
        let listings = &self.frame.web.listings;
        if let Some(listing) = listings.get(&key) {
            return Ok(Ok(listing));
        }
        let listing = self.unpack(tarball, |bytes| listing_of(bytes, LIMITS)).await?.map(Arc::new);
        if let Ok(listing) = &listing {
            listings.insert(key, Arc::clone(listing));
        }
        Ok(listing)
    }

    /// Returns the contents of files of a tarball that the viewer may read, as far as pages keep them in memory.
    pub(super) async fn texts(
        &self,
        tarball: &FoundTarball,
        wanted: BTreeSet<String>,
    ) -> Result<Result<BTreeMap<String, Vec<u8>>, NotBrowsable>, Error> {
        self.unpack(tarball, move |bytes| texts_of(bytes, LIMITS, &wanted)).await
    }

    async fn unpack<T: Send + 'static>(
        &self,
        tarball: &FoundTarball,
        work: impl FnOnce(&[u8]) -> Result<T, TarballError> + Send + 'static,
    ) -> Result<Result<T, NotBrowsable>, Error> {
        let unpacking = Arc::clone(&self.frame.web.unpacking);
        let Ok(Ok(turn)) = tokio::time::timeout(WAIT, unpacking.acquire_owned()).await else {
            return Ok(Err(NotBrowsable::Busy));
        };
        let blob = self.registry.open_tarball(tarball, None).await?;
        if blob.length > LIMITS.packed {
            return Ok(Err(NotBrowsable::TooLarge(blob.length)));
        }
        let mut stream = blob.stream;
        let mut packed = Vec::new();
        while let Some(chunk) = stream.try_next().await? {
            packed.extend_from_slice(&chunk);
            if packed.len() as u64 > LIMITS.packed {
                return Ok(Err(NotBrowsable::TooLarge(packed.len() as u64)));
            }
        }
        let unpacked = compute_elsewhere(move || {
            let unpacked = work(&packed);
            drop(turn);
            unpacked
        });
        Ok(unpacked.await?.map_err(NotBrowsable::Tarball))
    }
}
