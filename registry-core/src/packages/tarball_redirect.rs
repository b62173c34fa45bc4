use std::time::Duration;

use url::Url;

use crate::Error;
use crate::packages::Packages;
use crate::storage::{BlobRange, SignedUrlOptions};

use super::tarball::FoundTarball;

/// The lifetime of a signed URL: long enough for a client that waits in its own queue of downloads.
const EXPIRES: Duration = Duration::from_mins(15);

/// A URL of the store that stands in for a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarballRedirect {
    /// Every client that holds it may fetch the tarball until it expires. It does not identify the caller.
    pub url: Url,
    /// How long an answer that names it may be cached; the URL lives far longer.
    pub keep: Duration,
}

impl Packages {
    pub(crate) async fn redirect_of(
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

    pub(crate) async fn keep_tarball(&self, tarball: &FoundTarball) -> Result<(), Error> {
        if tarball.is_hosted() {
            return Ok(());
        }
        self.open_tarball(tarball, Some(BlobRange { start: 0, end: Some(0) })).await?;
        Ok(())
    }
}
