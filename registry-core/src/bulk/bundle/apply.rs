use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::bulk::import::ImportOptions;
use crate::bulk::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY, ImportedPackage};
use crate::domain::Integrity;
use crate::domain::packument::Packument;
use crate::packages::Packages;

use super::manifest::PackageEntry;
use super::source::BundleSource;
use super::{Bundle, BundleError, CheckedBundle};

/// How the packages of a bundle are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplyOptions {
    /// Whether to add to packages that were published here, see [`ImportOptions::into_published`].
    pub into_published: bool,
    /// Whether to write.
    pub mode: BulkMode,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { into_published: false, mode: BulkMode::Apply }
    }
}

/// What is here of a version that an increment leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Here(Option<Integrity>),
    /// It was unpublished here, and stays so.
    Unpublished,
}

impl Bulk {
    /// Imports the packages of a bundle. An increment is refused as a whole if what it leaves out is not here.
    pub(crate) fn apply_bundle(
        &self,
        bundle: CheckedBundle,
        options: ApplyOptions,
    ) -> BulkStream<ImportedPackage> {
        let CheckedBundle(bundle) = bundle;
        let packages = Packages::new(&self.parts.packages, &self.authorization);
        let bulk = self.clone();
        let begun = async move {
            let unchanged = require_base(&packages, &bundle).await?;
            let entries = &bundle.inner.manifest.packages;
            let held = entries.iter().filter(|entry| entry.packument.path.is_some());
            let names = held.map(|entry| entry.name.clone()).collect();
            let ApplyOptions { into_published, mode } = options;
            let options =
                ImportOptions { names, mode, into_published, partial: true, ..ImportOptions::default() };
            let imported = bulk.import_packages(Arc::new(BundleSource::of(&bundle)), options);
            Ok::<_, BulkError>(stream::iter(unchanged).map(Ok).chain(imported))
        };
        stream::once(begun).try_flatten().boxed()
    }
}

/// Checks that what an increment leaves out is here. Returns the packages that it does not change.
async fn require_base(packages: &Packages, bundle: &Bundle) -> Result<Vec<ImportedPackage>, BulkError> {
    let entries = bundle.inner.manifest.packages.iter();
    let entries = entries.filter(|entry| {
        entry.packument.path.is_none() || entry.versions.iter().any(|version| version.tarball.path.is_none())
    });
    // Futures that borrow from the bundle would tie the stream to it.
    let checks: Vec<_> = entries.map(|entry| require_package(packages, bundle, entry)).collect();
    let checked: Vec<_> = stream::iter(checks).buffered(CONCURRENCY).try_collect().await?;
    Ok(checked.into_iter().flatten().collect())
}

/// Returns the package if the increment does not change it.
async fn require_package(
    packages: &Packages,
    bundle: &Bundle,
    entry: &PackageEntry,
) -> Result<Option<ImportedPackage>, BulkError> {
    let name = &entry.name;
    let failed = |source: Error| BulkError::Package { package: name.clone(), source };
    let here = packages.read_hosted(name, standings).await.map_err(failed)?;
    for left_out in entry.versions.iter().filter(|version| version.tarball.path.is_none()) {
        let version = left_out.version.as_str();
        match here.get(version) {
            Some(Standing::Unpublished) => {}
            Some(Standing::Here(integrity)) if integrity.as_ref() == Some(&left_out.tarball.integrity) => {}
            Some(Standing::Here(_)) => {
                let (package, version) = (name.clone(), version.to_owned());
                return Err(BundleError::BaseDiffers { package, version }.into());
            }
            None => {
                let (package, version) = (name.clone(), version.to_owned());
                let base = bundle.inner.manifest.base.as_ref().map(ToString::to_string).unwrap_or_default();
                return Err(BundleError::BaseMissing { package, version, base }.into());
            }
        }
    }
    Ok(entry.packument.path.is_none().then(|| ImportedPackage {
        package: name.clone(),
        added: 0,
        unchanged: entry.versions.len() as u64,
        bytes: 0,
        notes: Vec::new(),
        reserved_owners: Vec::new(),
    }))
}

fn standings(packument: Option<&Packument<'_>>) -> HashMap<String, Standing> {
    let Some(packument) = packument else { return HashMap::new() };
    let gone = packument.tombstones.keys().map(|version| (version.clone(), Standing::Unpublished));
    let here = packument.named_tarballs().into_iter().filter_map(Result::ok);
    let here = here.map(|named| (named.version.to_string(), Standing::Here(named.integrity)));
    gone.chain(here).collect()
}
