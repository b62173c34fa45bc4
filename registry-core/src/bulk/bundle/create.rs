use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::SubsecRound as _;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::bulk::{Bulk, BulkError};
use crate::clock::Clock;
use crate::domain::{Integrity, PackageName, Version};
use crate::packages::Packages;
use crate::randomness::random_bytes;
use crate::signing::SigningKey;

use super::manifest::{BundleManifest, FORMAT, FileEntry, FileKind, PackageEntry, VersionEntry};
use super::read::{ReadVersion, Reading, grouped};
use super::reader::{BundleSignature, elsewhere};
use super::temporary::{Temporary, remove_left_behind};
use super::writer::{Collected, Content};
use super::{Bundle, BundleError, BundleOptions, BundledVersion, WrittenBundle};

/// A bundle that is being made. Read all versions with [`Self::next`], then write it with [`Self::finish`]. Dropped before,
/// it leaves nothing.
pub struct BundleBuilder {
    reads: BoxStream<'static, Result<ReadVersion, BulkError>>,
    total: u64,
    packages: BTreeMap<PackageName, BuiltPackage>,
    /// The tarballs, one after the other, since `bundle.json` comes first and is known last.
    tarballs: Arc<Temporary>,
    collected: u64,
    archive: Temporary,
    output: PathBuf,
    base: Option<Bundle>,
    key: Arc<SigningKey>,
    clock: Arc<dyn Clock>,
    is_complete: bool,
}

struct BuiltPackage {
    packument: Bytes,
    versions: BTreeMap<Version, BuiltTarball>,
}

struct BuiltTarball {
    size: u64,
    integrity: Integrity,
    /// Where it was collected; `None` if the base has it.
    at: Option<u64>,
}

impl Bulk {
    /// Begins a bundle. Makes the registry's key if there is none yet.
    pub(crate) async fn begin_bundle(&self, options: BundleOptions) -> Result<BundleBuilder, BulkError> {
        let BundleOptions { packages, base, output } = options;
        let key = self.parts.signing.get_or_make().await.map_err(BulkError::SigningKey)?;
        let id = const_hex::encode(random_bytes::<8>(&*self.parts.randomness));
        let of = output.clone();
        let (archive, tarballs) = elsewhere(move || {
            remove_left_behind(&of);
            Ok((Temporary::create(&of, &id)?, Temporary::create(&of, &format!("{id}.tarballs"))?))
        })
        .await?;
        let wanted = grouped(packages);
        let total = wanted.values().map(|versions| versions.len() as u64).sum();
        let packages = Packages::new(&self.parts.packages, &self.authorization);
        let reading = Arc::new(Reading::new(packages, base.as_ref()));
        Ok(BundleBuilder {
            reads: reading.read(wanted),
            total,
            packages: BTreeMap::new(),
            tarballs: Arc::new(tarballs),
            collected: 0,
            archive,
            output,
            base,
            key,
            clock: Arc::clone(&self.parts.clock),
            is_complete: true,
        })
    }
}

impl BundleBuilder {
    /// How many versions there are to read.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Reads the next version, in any order; `None` after the last one. A failure does not keep the others from being read,
    /// but the bundle from being written.
    pub async fn next(&mut self) -> Option<Result<BundledVersion, BulkError>> {
        let read = self.reads.next().await?;
        let collected = match read {
            Ok(read) => self.collect(read).await,
            Err(error) => Err(error),
        };
        self.is_complete &= collected.is_ok();
        Some(collected)
    }

    async fn collect(&mut self, read: ReadVersion) -> Result<BundledVersion, BulkError> {
        let ReadVersion { package, version, size, integrity, tarball } = read;
        let is_in_base = tarball.is_none();
        let mut at = None;
        if let Some((tarball, room)) = tarball {
            let (file, output) = (Arc::clone(&self.tarballs), self.output.clone());
            elsewhere(move || {
                let written = (&file.file).write_all(&tarball).map_err(BundleError::writing(&output));
                drop(room);
                written
            })
            .await?;
            at = Some(self.collected);
            self.collected += size;
        }
        let built = self.packages.entry(package.name.clone()).or_insert_with(|| BuiltPackage {
            packument: package.packument.clone(),
            versions: BTreeMap::new(),
        });
        built.versions.insert(version.clone(), BuiltTarball { size, integrity, at });
        Ok(BundledVersion { package: package.name.clone(), version, bytes: size, is_in_base })
    }

    /// Signs and writes the bundle. It replaces what has its name.
    pub async fn finish(mut self) -> Result<WrittenBundle, BulkError> {
        if !self.is_complete || self.reads.next().await.is_some() {
            return Err(BundleError::Incomplete.into());
        }
        let (manifest, packuments, tarballs) = self.content();
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(crate::Error::internal);
        let manifest = manifest.map_err(BulkError::SigningKey)?;
        let signature = BundleSignature {
            keyid: self.key.public_key().id(),
            key: self.key.public_key().base64(),
            sig: STANDARD.encode(self.key.sign(&manifest).map_err(BundleError::from)?),
        };
        let key = signature.keyid.clone();
        let signature = serde_json::to_vec(&signature).map_err(crate::Error::internal);
        let signature = signature.map_err(BulkError::SigningKey)?;
        let integrity = Integrity::of(&manifest);
        let content = Content { manifest, signature, packuments, tarballs };
        let Self { archive, tarballs, output, .. } = self;
        let bytes = elsewhere(move || {
            let bytes = content.write(&archive.file, &tarballs.file, &output)?;
            archive.finish(&output)?;
            Ok(bytes)
        })
        .await?;
        Ok(WrittenBundle { bytes, integrity, key })
    }

    /// Returns the manifest, and the files that it lists.
    fn content(&self) -> (BundleManifest, Vec<(String, Bytes)>, Vec<Collected>) {
        let packuments_of_base: HashMap<&PackageName, &Integrity> = self
            .base
            .iter()
            .flat_map(|base| &base.inner.manifest.packages)
            .map(|package| (&package.name, &package.packument.integrity))
            .collect();
        let (mut packuments, mut tarballs) = (Vec::new(), Vec::new());
        let packages = self.packages.iter().map(|(name, built)| {
            let versions = built.versions.iter().map(|(version, built)| {
                let tarball = built.entry();
                if let (Some(at), Some(path)) = (built.at, &tarball.path) {
                    tarballs.push(Collected { path: path.clone(), at, size: built.size });
                }
                VersionEntry { version: version.clone(), tarball }
            });
            let versions = versions.collect::<Vec<_>>();
            let (size, integrity) = (built.packument.len() as u64, Integrity::of(&built.packument));
            let is_changed = packuments_of_base.get(name) != Some(&&integrity)
                || versions.iter().any(|version| version.tarball.path.is_some());
            let packument = if is_changed {
                FileEntry::held(FileKind::Packument, size, integrity)
            } else {
                FileEntry::in_base(size, integrity)
            };
            packuments.extend(packument.path.clone().map(|path| (path, built.packument.clone())));
            PackageEntry { name: name.clone(), packument, versions }
        });
        let packages = packages.collect();
        let created = self.clock.now().trunc_subsecs(3);
        let base = self.base.as_ref().map(Bundle::as_base);
        (BundleManifest { format: FORMAT, created, base, packages }, packuments, tarballs)
    }
}

impl BuiltTarball {
    fn entry(&self) -> FileEntry {
        let (size, integrity) = (self.size, self.integrity.clone());
        match self.at {
            Some(_) => FileEntry::held(FileKind::Tarball, size, integrity),
            None => FileEntry::in_base(size, integrity),
        }
    }
}

impl fmt::Debug for BundleBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BundleBuilder").field("output", &self.output).finish_non_exhaustive()
    }
}
