use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::Error;
use crate::care::{Care, Finding, FindingKind};
use crate::domain::PackageName;
use crate::domain::packument::NamedTarball;
use crate::storage::{BlobError, BlobPath, Key};

use super::orphans::{Index, ReadIndex, StoredTarballs};
use super::tarballs::{CheckedTarball, path_of};
use super::{SweepOptions, TARBALLS};

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Whether to repair what can be repaired without guessing: dangling tags are removed, `latest` is chosen anew as after an
    /// unpublish, and orphaned tarballs are deleted.
    pub repair: bool,
    /// How old a tarball that no packument names must be to count as an orphan. It must be longer than any publish takes.
    /// Default: 24 hours.
    pub older_than: Duration,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { repair: false, older_than: SweepOptions::default().older_than }
    }
}

/// A package that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedPackage {
    /// The package.
    pub name: PackageName,
    /// How many versions it has.
    pub versions: usize,
    /// How many bytes of tarballs were read.
    pub bytes: u64,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl Care {
    /// Verifies packages, in this order. Tarballs are read two at a time.
    pub(crate) fn verify_packages(
        self,
        names: Vec<PackageName>,
        options: VerifyOptions,
    ) -> BoxStream<'static, Result<VerifiedPackage, Error>> {
        let verify = move |name| {
            let care = self.clone();
            async move { care.verify_package(name, options).await }
        };
        stream::iter(names).map(verify).buffered(TARBALLS).boxed()
    }

    async fn verify_package(
        &self,
        name: PackageName,
        options: VerifyOptions,
    ) -> Result<VerifiedPackage, Error> {
        let before = self.moment_before(options.older_than);
        let mut kinds = Vec::new();
        let (mut versions, mut bytes) = (0, 0);
        // Read before the listing: every tarball that it names was stored before it.
        let index = match self.read_index(&name).await {
            Err(error) if let Some(reason) = refusal(&error) => {
                let kind = FindingKind::UnreadablePackument { reason };
                let findings = vec![Finding { package: name.clone(), kind, repaired: false }];
                return Ok(VerifiedPackage { name, versions, bytes, findings });
            }
            index => index?,
        };
        let stored = self.stored_tarballs(&name).await?;
        match &index {
            Index::Never => {}
            Index::Lost => kinds.push(FindingKind::LostPackument),
            Index::Damaged { reason } => kinds.push(FindingKind::DamagedPackument { reason: reason.clone() }),
            Index::Readable(index) => {
                versions = index.tarballs.len() + index.unreadable.len();
                let checked = self.check_tarballs(&name, index, &stored).await?;
                bytes = checked.bytes;
                let findings = checked.findings.into_iter().chain(other_findings(index));
                kinds = self.confirm(&name, index, findings.collect()).await?;
            }
        }
        let orphans = self.orphans(&name, &stored, before).await?;
        let orphans = orphans.into_iter();
        kinds.extend(
            orphans.map(|(path, bytes)| FindingKind::OrphanedTarball { path: path.to_string(), bytes }),
        );
        let findings = kinds.into_iter().map(|kind| Finding { package: name.clone(), kind, repaired: false });
        let mut verified = VerifiedPackage { findings: findings.collect(), name, versions, bytes };
        if options.repair {
            self.repair(&mut verified, before).await?;
        }
        Ok(verified)
    }

    async fn check_tarballs(
        &self,
        name: &PackageName,
        index: &ReadIndex,
        stored: &StoredTarballs,
    ) -> Result<CheckedTarball, Error> {
        let check = |tarball: NamedTarball| async move {
            let path = path_of(name, &tarball)?;
            let mut checked = if stored.contains_key(&path) {
                self.check_tarball(&path, &tarball).await?
            } else {
                // A foreign name is a finding of its own.
                let absent = tarball.foreign.is_none().then(|| absent(&path, &tarball, stored));
                CheckedTarball { findings: absent.into_iter().collect(), bytes: 0 }
            };
            checked.findings.extend(self.check_attestations(name, &tarball).await?);
            Ok(checked)
        };
        let tarballs = index.tarballs.iter().cloned();
        let checked = stream::iter(tarballs).map(check).buffered(TARBALLS);
        let add = |mut all: CheckedTarball, one: CheckedTarball| async move {
            all.findings.extend(one.findings);
            all.bytes += one.bytes;
            Ok(all)
        };
        checked.try_fold(CheckedTarball::default(), add).await
    }

    /// Compares the attestations of a version with the digest that the packument names.
    async fn check_attestations(
        &self,
        name: &PackageName,
        tarball: &NamedTarball,
    ) -> Result<Option<FindingKind>, Error> {
        let Some(integrity) = &tarball.attestations else { return Ok(None) };
        let path = Key::Attestations(name, integrity).path()?;
        let found = self.parts.store.or_proven_absent(self.parts.store.get(&path).await?).await?;
        let is_there = found.is_some_and(|blob| integrity.matches(&blob.bytes));
        let (version, path) = (tarball.version.to_string(), path.to_string());
        Ok((!is_there).then_some(FindingKind::LostAttestations { version, path }))
    }

    /// Drops what another writer changed meanwhile: an unpublish removes tarballs that were named.
    async fn confirm(
        &self,
        name: &PackageName,
        index: &ReadIndex,
        kinds: Vec<FindingKind>,
    ) -> Result<Vec<FindingKind>, Error> {
        if kinds.is_empty() {
            return Ok(kinds);
        }
        let Index::Readable(now) = self.read_index(name).await? else { return Ok(kinds) };
        let before: HashMap<&str, &NamedTarball> =
            index.tarballs.iter().map(|tarball| (tarball.version.as_str(), tarball)).collect();
        let same =
            now.tarballs.iter().filter(|tarball| before.get(tarball.version.as_str()) == Some(tarball));
        let same: HashSet<&str> = same.map(|tarball| tarball.version.as_str()).collect();
        let is_still = |kind: &FindingKind| match kind {
            FindingKind::DanglingTag { tag, version } => {
                now.dangling_tags.iter().any(|(known, names)| known == tag && names == version)
            }
            FindingKind::DamagedManifest { version, .. } => {
                now.unreadable.iter().any(|(known, _)| known == version)
            }
            FindingKind::MissingTarball { version, .. }
            | FindingKind::UnreadableTarball { version, .. }
            | FindingKind::DamagedTarball { version, .. }
            | FindingKind::ForeignDigest { version, .. }
            | FindingKind::ForeignTarball { version, .. }
            | FindingKind::WrongShasum { version, .. }
            | FindingKind::NotSignable { version }
            | FindingKind::LostAttestations { version, .. }
            | FindingKind::NoDigest { version } => same.contains(version.as_str()),
            FindingKind::DamagedPackument { .. }
            | FindingKind::UnreadablePackument { .. }
            | FindingKind::LostPackument
            | FindingKind::OrphanedTarball { .. } => true,
        };
        Ok(kinds.into_iter().filter(is_still).collect())
    }

    async fn repair(&self, verified: &mut VerifiedPackage, before: DateTime<Utc>) -> Result<(), Error> {
        let has_dangling = |finding: &Finding| matches!(finding.kind, FindingKind::DanglingTag { .. });
        let removed = if verified.findings.iter().any(has_dangling) {
            self.packages().remove_dangling_dist_tags(&verified.name).await?
        } else {
            Vec::new()
        };
        for finding in &mut verified.findings {
            finding.repaired = match &finding.kind {
                FindingKind::DanglingTag { tag, .. } => removed.iter().any(|(known, _)| known == tag),
                FindingKind::OrphanedTarball { path, .. } => {
                    self.remove_orphan(&BlobPath::parse(path)?, before).await?
                }
                _ => false,
            };
        }
        Ok(())
    }
}

/// Returns why the store refuses to read, which is about one object; a store that does not answer ends the verification.
fn refusal(error: &Error) -> Option<String> {
    match error.store_error()? {
        BlobError::Refused { source, .. } => Some(source.to_string()),
        _ => None,
    }
}

/// What the tarball of a version that is not in the listing is: missing, or named by a foreign digest.
fn absent(path: &BlobPath, tarball: &NamedTarball, stored: &StoredTarballs) -> FindingKind {
    let (version, path) = (tarball.version.to_string(), path.to_string());
    let other = stored.iter().find(|(_, other)| *other.version == *version);
    match other {
        Some((found, _)) => FindingKind::ForeignDigest { version, path, found: found.to_string() },
        None => FindingKind::MissingTarball { version, path },
    }
}

/// What is wrong with a packument, tarballs aside.
fn other_findings(index: &ReadIndex) -> Vec<FindingKind> {
    let foreign = index.tarballs.iter().filter_map(|tarball| {
        let (version, tarball) = (tarball.version.to_string(), tarball.foreign.clone()?);
        Some(FindingKind::ForeignTarball { version, tarball })
    });
    let unreadable = index.unreadable.iter().map(|(version, reason)| FindingKind::DamagedManifest {
        version: version.clone(),
        reason: reason.clone(),
    });
    let dangling = index
        .dangling_tags
        .iter()
        .map(|(tag, version)| FindingKind::DanglingTag { tag: tag.clone(), version: version.clone() });
    foreign.chain(unreadable).chain(dangling).collect()
}
