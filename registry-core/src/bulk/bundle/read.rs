use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::bulk::import::{TARBALL_MEBIBYTES, collect, mebibytes, of_package};
use crate::bulk::{BulkError, CONCURRENCY};
use crate::concurrency::{compute, compute_elsewhere};
use crate::domain::integrity::have_integrity;
use crate::domain::lockfile::LockedPackage;
use crate::domain::packument::{SourcePackage, cut_packument};
use crate::domain::publication::ImportedVersion;
use crate::domain::{Integrity, PackageName, Version};
use crate::packages::Packages;

use super::manifest::FileEntry;
use super::{BASE, Bundle};

/// The integrities that lock files have of a version.
type Locks = Vec<String>;

/// Reads packages as a client would get them.
pub(super) struct Reading {
    packages: Packages,
    base_url: Arc<str>,
    /// What the base has, and what it was based on.
    in_base: HashMap<(PackageName, Version), FileEntry>,
    mebibytes: Arc<Semaphore>,
}

/// A package, cut to the versions that are wanted.
pub(super) struct ReadPackage {
    pub(super) name: PackageName,
    pub(super) packument: Bytes,
    source: SourcePackage,
}

/// A version whose tarball is verified.
pub(super) struct ReadVersion {
    pub(super) package: Arc<ReadPackage>,
    pub(super) version: Version,
    pub(super) size: u64,
    pub(super) integrity: Integrity,
    /// The tarball, unless the base has it, and the room that it takes in memory.
    pub(super) tarball: Option<(Bytes, OwnedSemaphorePermit)>,
}

impl Reading {
    pub(super) fn new(packages: Packages, base: Option<&Bundle>) -> Self {
        let entries = base.into_iter().flat_map(|base| &base.inner.manifest.packages);
        let in_base = entries.flat_map(|package| {
            let of = |version: &Version| (package.name.clone(), version.clone());
            package.versions.iter().map(move |entry| (of(&entry.version), entry.tarball.clone()))
        });
        Self {
            packages,
            base_url: BASE.into(),
            in_base: in_base.collect(),
            mebibytes: Arc::new(Semaphore::new(TARBALL_MEBIBYTES as usize)),
        }
    }

    /// Reads all versions, in any order. Each takes its room in memory until it is dropped.
    pub(super) fn read(
        self: Arc<Self>,
        wanted: BTreeMap<PackageName, BTreeMap<Version, Locks>>,
    ) -> BoxStream<'static, Result<ReadVersion, BulkError>> {
        let reading = Arc::clone(&self);
        let packages = stream::iter(wanted).map(move |(name, versions)| {
            let reading = Arc::clone(&reading);
            async move { reading.read_package(name, versions).await }
        });
        let versions = packages.buffer_unordered(CONCURRENCY).flat_map(stream::iter).map(move |found| {
            let reading = Arc::clone(&self);
            async move {
                let (package, version, locks) = found?;
                reading.read_version(package, version, &locks).await
            }
        });
        versions.buffer_unordered(CONCURRENCY).boxed()
    }

    /// Reads a packument. Returns the versions that it has, and a failure for each other one.
    async fn read_package(
        &self,
        name: PackageName,
        wanted: BTreeMap<Version, Locks>,
    ) -> Vec<Result<(Arc<ReadPackage>, Version, Locks), BulkError>> {
        let numbers: Vec<Version> = wanted.keys().cloned().collect();
        match self.cut_package(&name, numbers).await {
            Err(error) => vec![Err(error)],
            Ok((package, missing)) => {
                let package = Arc::new(package);
                let found = wanted.into_iter().map(|(version, locks)| {
                    if missing.contains(&version) {
                        let version = version.to_string();
                        return Err(BulkError::NoVersion { package: name.clone(), version });
                    }
                    Ok((Arc::clone(&package), version, locks))
                });
                found.collect()
            }
        }
    }

    async fn cut_package(
        &self,
        name: &PackageName,
        wanted: Vec<Version>,
    ) -> Result<(ReadPackage, Vec<Version>), BulkError> {
        let failed = || of_package(name);
        let served = self.packages.packument_to_bundle(name, &self.base_url).await.map_err(failed())?;
        let of = name.clone();
        let cut = compute(served.identity.len(), move || {
            let cut = cut_packument(&of, &served.identity, &wanted)?;
            let source = SourcePackage::parse(&of, &cut.json)
                .map_err(|error| Error::Damaged(format!("the packument of {of} is {error}").into()))?;
            Ok::<_, Error>((source, cut))
        });
        let cut = cut.await.map_err(|error| failed()(error.into()))?;
        let (source, cut) = cut.map_err(failed())?;
        let package = ReadPackage { name: name.clone(), packument: cut.json.into(), source };
        Ok((package, cut.missing))
    }

    /// Reads and verifies a tarball, unless the base has it.
    async fn read_version(
        &self,
        package: Arc<ReadPackage>,
        version: Version,
        locks: &Locks,
    ) -> Result<ReadVersion, BulkError> {
        let name = package.name.clone();
        let failed = || of_package(&name);
        let unknown = || BulkError::NoVersion { package: name.clone(), version: version.to_string() };
        let told = package.source.versions.get(version.as_str()).ok_or_else(unknown)?;
        let base = self.in_base.get(&(name.clone(), version.clone()));
        let is_same =
            |lock: &String| base.is_some_and(|base| Integrity::parse(lock).as_ref() == Ok(&base.integrity));
        if let Some(base) = base.filter(|base| told.sha512().as_ref() == Some(&base.integrity))
            && locks.iter().all(is_same)
        {
            let (size, integrity) = (base.size, base.integrity.clone());
            return Ok(ReadVersion { package, version, size, integrity, tarball: None });
        }
        let opened = self.packages.tarball_to_bundle(&name, &version).await.map_err(failed())?;
        let room = Arc::clone(&self.mebibytes).acquire_many_owned(mebibytes(opened.length)).await;
        let room = room.map_err(|error| failed()(Error::internal(error)))?;
        let tarball = collect(opened.stream, opened.length).await;
        let tarball = tarball.map_err(|error| failed()(error.into()))?;
        if locks.iter().any(|lock| have_integrity(&tarball, lock) == Some(false)) {
            return Err(BulkError::LockDiffers { package: name, version: version.to_string() });
        }
        let limits = self.packages.import_limits();
        let (of, number, told, bytes) = (name.clone(), version.clone(), told.clone(), tarball.clone());
        let verify = move || ImportedVersion::verify(&of, &number, &told, &bytes, &limits);
        let verified = compute_elsewhere(verify).await.map_err(|error| failed()(error.into()))?;
        match verified {
            Err(source) => Err(BulkError::NotBundled { package: name, version: version.to_string(), source }),
            Ok(verified) => {
                let (size, integrity) = (tarball.len() as u64, verified.integrity);
                Ok(ReadVersion { package, version, size, integrity, tarball: Some((tarball, room)) })
            }
        }
    }
}

/// Returns each version once, with all integrities that lock files have of it.
pub(super) fn grouped(locked: Vec<LockedPackage>) -> BTreeMap<PackageName, BTreeMap<Version, Locks>> {
    let mut grouped: BTreeMap<PackageName, BTreeMap<Version, Locks>> = BTreeMap::new();
    for LockedPackage { name, version, integrity, .. } in locked {
        grouped.entry(name).or_default().entry(version).or_default().extend(integrity);
    }
    grouped
}
