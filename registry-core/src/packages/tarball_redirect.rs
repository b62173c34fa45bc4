use std::time::Duration;

use url::Url;

use crate::storage::{BlobRange, SignedUrlOptions};
use crate::{Error, Registry};

use super::tarball::FoundTarball;

/// For how long a signed URL is good: long enough for a client that waits in its own queue of downloads.
const EXPIRES: Duration = Duration::from_mins(15);

/// A URL of the store that stands in for a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarballRedirect {
    /// Whoever holds it may fetch the tarball, until it expires. It says nothing of who asked.
    pub url: Url,
    /// For how long an answer that names it may be kept; the URL outlives it by far.
    pub keep: Duration,
}

impl Registry {
    /// Where else to fetch a tarball of `length` bytes, if it is longer than this registry sends itself
    /// ([`RegistryBuilder::redirect_tarballs_above`](crate::RegistryBuilder::redirect_tarballs_above)) and its store
    /// can sign URLs.
    pub async fn redirect_of(
        &self,
        tarball: &FoundTarball,
        length: u64,
    ) -> Result<Option<TarballRedirect>, Error> {
        if self.parts.redirect_above.is_none_or(|most| length <= most) {
            return Ok(None);
        }
        let options = SignedUrlOptions {
            content_type: Some("application/octet-stream".into()),
            cache_control: Some(tarball.cache_control().into()),
        };
        let url = self.parts.store.signed_url(tarball.path(), EXPIRES, options).await?;
        Ok(url.map(|url| TarballRedirect { url, keep: EXPIRES / 3 }))
    }

    /// Waits until the bytes of a tarball are in the store, fetching them from the upstream if need be. Those of a hosted
    /// version are there.
    pub async fn keep_tarball(&self, tarball: &FoundTarball) -> Result<(), Error> {
        if tarball.is_hosted() {
            return Ok(());
        }
        self.open_tarball(tarball, Some(BlobRange { start: 0, end: Some(0) })).await?;
        Ok(())
    }
}
