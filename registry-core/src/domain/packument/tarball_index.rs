use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::domain::{Integrity, PackageName};

use super::manifest::{DistView, ManifestView, tarball_path};
use super::{Audience, Packument, PackumentError};

/// The location of each version's tarball in a package.
#[derive(Debug, Clone, Default)]
pub struct TarballIndex {
    locations: HashMap<Box<str>, TarballLocation>,
    is_new: bool,
    audience: Audience,
}

/// The location of one version's tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarballLocation {
    /// Under its digest.
    ContentAddressed(Integrity),
    /// Under its version, as codebox-npm wrote it.
    Plain,
}

impl TarballIndex {
    /// Reads the locations from a packument.
    pub fn of(packument: &Packument<'_>) -> Result<Self, PackumentError> {
        let locate = |version: &str, manifest: &RawValue| locate(&packument.name, version, manifest);
        let locations = packument
            .versions
            .iter()
            .map(|(version, manifest)| Ok((version.as_str().into(), locate(version.as_str(), manifest)?)))
            .collect::<Result<_, serde_json::Error>>();
        let locations =
            locations.map_err(|source| PackumentError { name: packument.name.clone(), source })?;
        Ok(Self { locations, is_new: packument.is_new(), audience: Audience::of(packument) })
    }

    /// Returns the location of `version`; `None` if the package has no such version.
    pub fn get(&self, version: &str) -> Option<&TarballLocation> {
        self.locations.get(version)
    }

    /// See [`Packument::is_new`].
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the package's audience.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Whether `version` exists and its tarball has this integrity.
    pub fn names(&self, version: &str, integrity: &Integrity) -> bool {
        matches!(self.get(version), Some(TarballLocation::ContentAddressed(stored)) if stored == integrity)
    }

    /// The approximate memory use in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.locations.len() * (size_of::<(Box<str>, TarballLocation)>() + 16) + self.audience.weight()
    }
}

/// Returns the location of a version's tarball.
pub(super) fn locate(
    name: &PackageName,
    version: &str,
    manifest: &RawValue,
) -> Result<TarballLocation, serde_json::Error> {
    let view: ManifestView<'_> = serde_json::from_str(manifest.get())?;
    let dist = view.dist.map(|dist| serde_json::from_str::<DistView<'_>>(dist.get())).transpose()?;
    let path = tarball_path(name, version);
    Ok(dist.map_or(TarballLocation::Plain, |dist| dist.location(&path)))
}

impl DistView<'_> {
    /// Returns the location: content-addressed if `tarball` is exactly `path`. codebox-npm wrote every other form, and
    /// had no digests in paths: a URL with a host, or, if its own was not configured, one that begins with `undefined`.
    fn location(&self, path: &str) -> TarballLocation {
        let is_ours = self.tarball.is_some_and(|tarball| {
            serde_json::from_str::<Cow<'_, str>>(tarball.get()).is_ok_and(|tarball| tarball == path)
        });
        match self.integrity.as_deref().map(Integrity::parse) {
            Some(Ok(integrity)) if is_ours => TarballLocation::ContentAddressed(integrity),
            _ => TarballLocation::Plain,
        }
    }
}
