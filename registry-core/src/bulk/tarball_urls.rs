use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use futures::StreamExt as _;
use futures::future::ready;
use url::Url;

use crate::Error;
use crate::domain::PackageName;
use crate::domain::packument::TarballBases;
use crate::storage::{Blob, BlobDecision, BlobPath, BlobPrefix, Key};

use super::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY};

/// Where the tarball URLs of codebox-npm begin: its `apiEndpoint`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarballBase(String);

/// The text is not a URL at which codebox-npm answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write https://HOST or https://HOST/PATH, as clients of codebox-npm reach it, without `?` and `#`")]
pub struct TarballBaseError;

impl FromStr for TarballBase {
    type Err = TarballBaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| TarballBaseError)?;
        let has_host = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        let is_plain = url.username().is_empty() && url.password().is_none();
        let ends_with_path = url.query().is_none() && url.fragment().is_none();
        if has_host && is_plain && ends_with_path {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(TarballBaseError)
        }
    }
}

impl fmt::Display for TarballBase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The tarball URLs of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MovedPackage {
    /// The package.
    pub package: PackageName,
    /// The base of URLs that codebox-npm stored → the number of versions that have, or had, it.
    pub bases: BTreeMap<String, usize>,
    /// Versions with a URL of another form, which is not changed.
    pub unknown: Vec<String>,
    /// How many URLs were changed, or would be.
    pub moved: usize,
}

impl Bulk {
    /// Moves the tarball URLs that codebox-npm stored to `base`; without one, only reports them.
    pub(crate) fn move_tarball_urls(
        &self,
        base: Option<TarballBase>,
        mode: BulkMode,
    ) -> BulkStream<MovedPackage> {
        let bulk = self.clone();
        let packuments = self.parts.store.list(&BlobPrefix::ROOT).filter_map(|listed| {
            ready(match listed {
                Ok(blob) => package_of_packument(&blob.path).map(|package| Ok((package, blob.path))),
                Err(error) => Some(Err(BulkError::Listing(error))),
            })
        });
        packuments
            .map(move |packument| {
                let (bulk, base) = (bulk.clone(), base.clone());
                async move {
                    let (package, path) = packument?;
                    let moved = bulk.move_urls_of(&package, &path, base.as_ref(), mode).await;
                    moved.map_err(|source| BulkError::Package { package, source })
                }
            })
            .buffered(CONCURRENCY)
            .boxed()
    }

    async fn move_urls_of(
        &self,
        package: &PackageName,
        path: &BlobPath,
        base: Option<&TarballBase>,
        mode: BulkMode,
    ) -> Result<MovedPackage, Error> {
        let base = base.map(|base| base.0.as_str());
        let decide = |found: Option<&Blob>| {
            // A package may be gone since it was listed.
            let Some(blob) = found else { return Ok(BlobDecision::Keep(TarballBases::default())) };
            let mut bases = TarballBases::of(package, &blob.bytes, base)?;
            Ok::<_, Error>(match bases.json.take() {
                Some(json) if mode == BulkMode::Apply => BlobDecision::Write(json.into(), bases),
                _ => BlobDecision::Keep(bases),
            })
        };
        let TarballBases { bases, unknown, moved, .. } = self.parts.store.update_with(path, decide).await?;
        Ok(MovedPackage { package: package.clone(), bases, unknown, moved })
    }
}

/// Returns the package whose packument is at the path.
pub(super) fn package_of_packument(path: &BlobPath) -> Option<PackageName> {
    let package = Key::package_of_folder(path.as_str().strip_suffix("/index.json")?)?;
    let is_at = |key: Key<'_>| key.path().is_ok_and(|known| known == *path);
    (is_at(Key::Packument(&package)) || is_at(Key::PlainPackument(&package))).then_some(package)
}
