use crate::Error;
use crate::domain::{PackageName, Version};
use crate::error::PackageError;
use crate::proxy::Proxy;
use crate::storage::{BlobRange, OpenBlob};

use super::budget::LastUsed;
use super::fill::Filling;
use super::tarball_sources::TarballSource;

/// How often a tarball is fetched again because it was deleted before it was opened.
const ATTEMPTS: usize = 3;

impl Proxy {
    /// Opens a tarball of an upstream: from the store if it is cached, otherwise streamed from the upstream while it is
    /// verified and cached. A range or the length alone is available only after the whole is cached.
    pub(crate) async fn open_upstream_tarball(
        &self,
        name: &PackageName,
        version: &Version,
        source: &TarballSource,
        range: Option<BlobRange>,
    ) -> Result<OpenBlob, Error> {
        let not_found =
            || Error::Package(PackageError::VersionNotFound { selector: format!("{name}@{version}") });
        let meter = &self.parts.upstream.meters.tarballs;
        for attempt in 0..ATTEMPTS {
            // A request counts once, by what it found first.
            let is_first = attempt == 0;
            if let Some(blob) = self.parts.store.open(&source.path, range).await? {
                self.note_use(&LastUsed::of(&source.path));
                if is_first {
                    meter.hit();
                }
                return Ok(blob);
            }
            self.require_not_hosted(name).await?;
            if is_first {
                meter.miss();
            }
            match self.fill(source, range.is_none()).await? {
                Filling::Streaming(blob) => return Ok(blob),
                // It may have been evicted since.
                Filling::Kept => {}
                Filling::Gone => return Err(not_found()),
            }
        }
        Err(Error::Internal("a tarball of an upstream is deleted each time it is stored".into()))
    }
}
