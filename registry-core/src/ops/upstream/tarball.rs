use crate::blob::{BlobRange, OpenBlob};
use crate::domain::{PackageName, Version};
use crate::{Error, Registry};

use super::tarball_sources::TarballSource;

impl Registry {
    /// Opens a tarball of an upstream: from the store where it is kept, or straight from the upstream, while it is
    /// checked and kept. A part of one, or its length alone, can be told only once the whole is here.
    pub(in crate::ops) async fn open_upstream_tarball(
        &self,
        name: &PackageName,
        version: &Version,
        source: &TarballSource,
        range: Option<BlobRange>,
    ) -> Result<OpenBlob, Error> {
        if let Some(blob) = self.parts.store.open(&source.path, range).await? {
            return Ok(blob);
        }
        let not_found = || Error::VersionNotFound { selector: format!("{name}@{version}") };
        match self.fill(source, range.is_none()).await? {
            super::fill::Filling::Streaming(blob) => Ok(blob),
            super::fill::Filling::Kept => {
                self.parts.store.open(&source.path, range).await?.ok_or_else(not_found)
            }
            super::fill::Filling::Gone => Err(not_found()),
        }
    }
}
