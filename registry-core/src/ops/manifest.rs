use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument, render_manifest};
use crate::domain::shorten::shorten;
use crate::{Error, Registry};

use super::deprecate::require_existing;
use super::publish::internal;

impl Registry {
    /// The manifest of the version that a version or a dist-tag names, as JSON, with its tarball below `base`.
    pub async fn manifest(
        &self,
        caller: &Caller,
        name: &PackageName,
        selector: &str,
        base: &str,
    ) -> Result<Vec<u8>, Error> {
        self.require_read(caller, name)?;
        let document = self.require_document(name).await?;
        let packument = Packument::parse(name, &document)?;
        self.require_audience(caller, name, &Audience::of(&packument))?;
        require_existing(&packument)?;
        let not_found = || Error::VersionNotFound { selector: shorten(selector).into_owned() };
        let version = packument.resolve(selector).ok_or_else(not_found)?;
        let manifest = packument.versions.get(version).ok_or_else(not_found)?;
        render_manifest(name, version, manifest, base).map_err(internal)
    }
}
