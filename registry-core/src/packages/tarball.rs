use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Judged;
use crate::domain::packument::{TarballIndex, TarballLocation};
use crate::domain::{PackageName, Version};
use crate::error::PackageError;
use crate::packages::Packages;
use crate::policy::PackagePolicy;
use crate::proxy::TarballSource;
use crate::storage::{BlobPath, BlobRange, Key, OpenBlob};

/// Which bytes of a tarball to read.
pub type TarballRange = Option<BlobRange>;

/// A tarball that the packument names, not yet opened.
#[derive(Debug, Clone)]
pub struct FoundTarball {
    /// A strong `ETag`, quotes included. The bytes behind a name and version never change.
    pub etag: String,
    /// Whether an anonymous caller may read it, so that shared caches may store it.
    pub is_public: bool,
    name: PackageName,
    version: Version,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Hosted(BlobPath),
    Upstream(Box<TarballSource>),
}

impl FoundTarball {
    /// The `Cache-Control` of the bytes: forever, and in shared caches only if the tarball is public.
    pub(crate) fn cache_control(&self) -> &'static str {
        if self.is_public {
            "public, immutable, max-age=31536000"
        } else {
            "private, immutable, max-age=31536000"
        }
    }

    /// Whether it was published here.
    pub(crate) fn is_hosted(&self) -> bool {
        matches!(self.place, Place::Hosted(_))
    }

    /// The package and the version that it is of.
    pub(crate) fn package_version(&self) -> (&PackageName, &Version) {
        (&self.name, &self.version)
    }

    /// Its path in the store, also before it is cached.
    pub(crate) fn path(&self) -> &BlobPath {
        match &self.place {
            Place::Hosted(path) => path,
            Place::Upstream(source) => &source.path,
        }
    }
}

impl Packages {
    pub(crate) async fn find_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<FoundTarball, Error> {
        self.authorization.require_read(caller, name)?;
        self.find_tarball_for(Some(caller), name, version).await
    }

    /// Finds a tarball for a caller whom the rules let read the package, or for an operator, who needs no right.
    pub(super) async fn find_tarball_for(
        &self,
        reader: Option<&Caller>,
        name: &PackageName,
        version: &Version,
    ) -> Result<FoundTarball, Error> {
        let read = || async {
            let mut is_public = self.authorization.is_public(name);
            let hosted = self.catalog().if_hosted(name, || self.hosted_tarballs(name)).await?;
            let (etag, place) = if let Some(index) = hosted {
                if let Some(caller) = reader {
                    self.authorization.require_audience(caller, name, index.audience())?;
                }
                is_public &= !index.audience().is_restricted();
                let location = index.get(version.as_str());
                if location.is_some() {
                    index.require_allowed(name, version.as_str())?;
                }
                hosted_tarball(name, version, location)?
            } else {
                let source = Box::pin(self.proxy().tarball_source(name, version)).await?;
                let source = source.ok_or_else(|| Error::Package(PackageError::NotFound(name.clone())))?;
                (source.etag.clone(), Place::Upstream(Box::new(source)))
            };
            Ok(FoundTarball { etag, is_public, name: name.clone(), version: version.clone(), place })
        };
        self.catalog().read_again_if_published(read).await
    }

    /// An index with only staged versions counts as missing, so that it does not disclose a package that is not visible
    /// yet.
    async fn hosted_tarballs(&self, name: &PackageName) -> Result<Option<Arc<Judged<TarballIndex>>>, Error> {
        let catalog = self.catalog();
        let policy = catalog.hosted_policy(name).await?;
        match catalog.tarball_index(name, &policy).await? {
            Some(index) if index.is_new() => Err(Error::Package(PackageError::NotFound(name.clone()))),
            index => Ok(index),
        }
    }

    pub(crate) async fn open_tarball(
        &self,
        tarball: &FoundTarball,
        range: TarballRange,
    ) -> Result<OpenBlob, Error> {
        let FoundTarball { name, version, place, .. } = tarball;
        let path = match place {
            Place::Hosted(path) => path,
            Place::Upstream(source) => {
                return Box::pin(self.proxy().open_upstream_tarball(name, version, source, range)).await;
            }
        };
        if let Some(blob) = self.parts.store.open(path, range).await? {
            return Ok(blob);
        }
        // An unpublish between finding and opening removes the bytes; nothing else may.
        let index = self.catalog().tarball_index(name, &PackagePolicy::none()).await?;
        let index = self.parts.store.or_proven_absent(index).await?;
        if index.is_some_and(|index| index.get(version.as_str()).is_some()) {
            return Err(Error::Damaged(
                format!("{path}, which the packument names, is not in the store").into(),
            ));
        }
        Err(not_found(name, version))
    }
}

fn hosted_tarball(
    name: &PackageName,
    version: &Version,
    location: Option<&TarballLocation>,
) -> Result<(String, Place), Error> {
    match location {
        None => Err(not_found(name, version)),
        Some(TarballLocation::ContentAddressed(integrity)) => {
            let path = Key::Tarball(name, version, integrity).path()?;
            Ok((format!("\"{}\"", const_hex::encode(&integrity.sha512()[..16])), Place::Hosted(path)))
        }
        Some(TarballLocation::Plain) => {
            Ok((format!("\"{version}\""), Place::Hosted(Key::PlainTarball(name, version).path()?)))
        }
    }
}

fn not_found(name: &PackageName, version: &Version) -> Error {
    Error::Package(PackageError::VersionNotFound { selector: format!("{name}@{version}") })
}
