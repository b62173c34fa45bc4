use std::sync::Arc;

use futures::future::ready;
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::bulk::{BulkError, BulkMode, CONCURRENCY};
use crate::concurrency::compute;
use crate::domain::packument::SourcePackage;
use crate::domain::publication::ImportRefusal;
use crate::domain::{PackageName, Version};
use crate::packages::ImportPlan;
use crate::upstream::{PackumentForm, UpstreamError, UpstreamPackument, Validators};

use super::tarball::Fetched;
use super::{ImportNote, ImportedPackage, Importing, origin};

impl Importing {
    pub(super) async fn import_package(
        &self,
        name: &PackageName,
        failures: &mut Vec<BulkError>,
    ) -> Result<ImportedPackage, BulkError> {
        let from = self.source.to_string();
        let mut source = self.source_package(name).await?;
        let left_out = self.leave_owners_out(name, &mut source).await?;
        let left_out = left_out.into_iter().map(|name| ImportNote::OwnerLeftOut { name });
        let source = Arc::new(source);
        let planned = self.packages.plan_import(name, &source, &from).await;
        let ImportPlan { missing, unchanged, refused, mut stars, is_published_here } =
            planned.map_err(of_package(name))?;
        let published_here = || BulkError::PublishedHere { package: name.clone() };
        if is_published_here && !self.into_published {
            return Err(published_here());
        }
        failures
            .extend(refused.into_iter().map(|(version, refusal)| refused_version(name, &version, refusal)));
        let mut imported = ImportedPackage {
            package: name.clone(),
            added: 0,
            unchanged,
            bytes: 0,
            notes: left_out.collect(),
            reserved_owners: Vec::new(),
        };
        if self.mode == BulkMode::DryRun {
            imported.added = missing.len() as u64;
            let notes = self.packages.preview_import(name, &source, &missing).await;
            imported.notes.extend(notes.map_err(of_package(name))?);
            imported.reserved_owners = self.reserve_owners(&source).await.map_err(of_package(name))?;
            return Ok(imported);
        }
        let mut verified = Vec::new();
        for fetched in self.fetch(name, &source, missing).await {
            match fetched {
                Ok(Fetched { version, bytes }) => {
                    imported.bytes += bytes;
                    verified.push(version);
                }
                Err(failure) => failures.push(failure),
            }
        }
        if self.is_over() {
            return failures.pop().map_or(Ok(imported), Err);
        }
        if !verified.is_empty() || unchanged > 0 {
            let reserved = self.reserve_owners(&source).await;
            let reserved = reserved.inspect_err(|_| self.note_failed_write());
            imported.reserved_owners = reserved.map_err(of_package(name))?;
        } else {
            // Nothing is left of a package that does not go in.
            stars.clear();
        }
        let effect = self.packages.import(name, source, verified, stars, &from, self.into_published).await;
        let effect = effect.inspect_err(|_| self.note_failed_write()).map_err(of_package(name))?;
        // A user published it while its tarballs were fetched.
        if effect.is_published_here {
            return Err(published_here());
        }
        let overtaken = effect.overtaken.iter();
        failures.extend(
            overtaken.map(|version| refused_version(name, version.as_str(), ImportRefusal::OtherTarball)),
        );
        imported.added = effect.added.len() as u64;
        imported.unchanged += effect.unchanged;
        imported.notes.extend(effect.notes);
        Ok(imported)
    }

    async fn source_package(&self, name: &PackageName) -> Result<SourcePackage, BulkError> {
        let asked = self.source.packument(name, PackumentForm::Full, &Validators::default()).await;
        let found = asked.map_err(|source| match source {
            UpstreamError::Refused { status: status @ (401 | 403), upstream: registry } => {
                BulkError::SourceRefused { registry, package: name.clone(), status }
            }
            error => origin::of_source(self.source.as_ref(), error, |source| BulkError::Source {
                package: name.clone(),
                source,
            }),
        })?;
        let missing = || BulkError::NotAtSource { registry: self.source.to_string(), package: name.clone() };
        let UpstreamPackument::Found { bytes, .. } = found else { return Err(missing()) };
        let parsing = name.clone();
        let parsed = compute(bytes.len(), move || SourcePackage::parse(&parsing, &bytes)).await;
        let parsed = parsed.map_err(|error| of_package(name)(error.into()))?;
        let mut source = parsed.map_err(|error| {
            let reason = error.to_string();
            let source = UpstreamError::Unusable { upstream: self.source.to_string(), reason };
            BulkError::Source { package: name.clone(), source: source.into() }
        })?;
        if !self.with_stars {
            source.stars = None;
        }
        source.is_partial = self.is_partial;
        if source.is_empty() {
            return Err(missing());
        }
        Ok(source)
    }

    /// Fetches, verifies and stores the tarballs of versions, in the order of the source.
    async fn fetch(
        &self,
        name: &PackageName,
        source: &SourcePackage,
        missing: Vec<Version>,
    ) -> Vec<Result<Fetched, BulkError>> {
        let fetched = stream::iter(missing).map(|version| async move {
            let told = source.versions.get(version.as_str()).filter(|_| !self.is_over())?;
            Some(self.fetch_version(name, &version, told).await)
        });
        fetched.buffered(CONCURRENCY).filter_map(ready).collect().await
    }
}

pub(in crate::bulk) fn of_package(name: &PackageName) -> impl FnOnce(Error) -> BulkError {
    let package = name.clone();
    |source| BulkError::Package { package, source }
}

pub(super) fn refused_version(name: &PackageName, version: &str, source: ImportRefusal) -> BulkError {
    BulkError::Refused { package: name.clone(), version: version.to_owned(), source }
}
