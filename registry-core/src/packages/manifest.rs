use std::sync::Arc;

use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::Packument;
use crate::domain::shorten::shorten;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

impl Registry {
    /// The manifest of the version that a version, a dist-tag or a range selects, as JSON, with its tarball below `base`.
    /// Of a range, such as `^1.0.0`, it is the version that npm would install.
    ///
    /// Of a hosted package it is a piece of the full document, which is made once and kept.
    pub async fn manifest(
        &self,
        caller: &Caller,
        name: &PackageName,
        selector: &str,
        base: &Arc<str>,
    ) -> Result<Vec<u8>, Error> {
        self.require_read(caller, name)?;
        let not_found = || Error::VersionNotFound { selector: shorten(selector).into_owned() };
        let read = || async {
            if let Some(hosted) = self.hosted_packument(name, PackumentForm::Full, base).await? {
                self.require_audience(caller, name, &hosted.audience)?;
                let packument = Packument::parse(name, &hosted.identity)?;
                let version = packument.select(selector).ok_or_else(not_found)?;
                let manifest = packument.versions.get(version).ok_or_else(not_found)?;
                return Ok(manifest.get().into());
            }
            Box::pin(self.upstream_manifest(name, selector, base)).await?.ok_or_else(not_found)
        };
        self.read_again_if_published(read).await
    }
}
