use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::domain::PackageName;
use crate::domain::packument::tarball_path;
use crate::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};

use super::manifest::FileEntry;
use super::{BASE, Bundle, BundleError};

/// A bundle as the registry that its packages are imported from.
#[derive(Debug)]
pub(super) struct BundleSource {
    bundle: Bundle,
    /// Package → its packument.
    packuments: HashMap<PackageName, FileEntry>,
    /// The `dist.tarball` in its packument → its tarball.
    tarballs: HashMap<String, FileEntry>,
}

impl BundleSource {
    pub(super) fn of(bundle: &Bundle) -> Self {
        let packages = &bundle.inner.manifest.packages;
        let packuments =
            packages.iter().map(|package| (package.name.clone(), package.packument.clone())).collect();
        let tarballs = packages.iter().flat_map(|package| {
            package.versions.iter().map(|entry| {
                let path = tarball_path(&package.name, entry.version.as_str());
                (format!("{BASE}/{path}"), entry.tarball.clone())
            })
        });
        Self { bundle: bundle.clone(), packuments, tarballs: tarballs.collect() }
    }

    fn failed(&self, error: &BundleError) -> UpstreamError {
        UpstreamError::Unusable { upstream: self.to_string(), reason: error.to_string() }
    }
}

impl fmt::Display for BundleSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bundle.fmt(formatter)
    }
}

#[async_trait]
impl Upstream for BundleSource {
    async fn packument(
        &self,
        name: &PackageName,
        _: PackumentForm,
        _: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        let held = self.packuments.get(name).filter(|file| file.path.is_some());
        let Some(file) = held else { return Ok(UpstreamPackument::Missing) };
        let bytes = self.bundle.read(file).await.map_err(|error| self.failed(&error))?;
        Ok(UpstreamPackument::Found { bytes, form: PackumentForm::Full, validators: Validators::default() })
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        let held = self.tarballs.get(url).filter(|file| file.path.is_some());
        let Some(file) = held.cloned() else { return Ok(None) };
        let (upstream, size) = (self.to_string(), file.size);
        let unusable = move |error: BundleError| UpstreamError::Unusable {
            upstream: upstream.clone(),
            reason: error.to_string(),
        };
        let stream = self.bundle.stream(file).map_err(unusable).boxed();
        Ok(Some(UpstreamTarball::new(stream, Some(size))))
    }
}
