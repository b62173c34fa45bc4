use std::cmp::Reverse;
use std::collections::BinaryHeap;

use futures::TryStreamExt as _;
use serde::Serialize;

use crate::Error;
use crate::care::Care;
use crate::domain::PackageName;
use crate::downloads::{DownloadStats, VersionsUsed};
use crate::storage::{BlobPrefix, Key, StoredPath};

/// How many of the largest packages are listed.
const LARGEST: usize = 10;

/// What a store holds, from one listing of it and the counts of downloads. No other blob is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StorageStats {
    /// Packages with a packument, unpublished ones included.
    pub packages: u64,
    /// Tarballs of hosted packages. Each version has one.
    pub versions: u64,
    /// Bytes of packuments and tarballs of hosted packages.
    pub hosted_bytes: u64,
    /// Tarballs of staged versions.
    pub staged_versions: u64,
    /// Bytes of staged versions.
    pub staged_bytes: u64,
    /// Blobs in the upstream cache.
    pub upstream_blobs: u64,
    /// Bytes of the upstream cache.
    pub upstream_bytes: u64,
    /// Accounts with a password in the store.
    pub local_accounts: u64,
    /// Accounts of GitHub that signed in here.
    pub github_accounts: u64,
    /// Accounts of an OpenID Connect issuer that signed in here.
    pub openid_accounts: u64,
    /// Tokens, expired ones that were not swept included.
    pub tokens: u64,
    /// Organizations.
    pub organizations: u64,
    /// Bytes of all else: the audit log, the search index, markers.
    pub other_bytes: u64,
    /// The packages with the most bytes, largest first.
    pub largest: Vec<PackageSize>,
    /// The downloads; absent if none are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloads: Option<DownloadStats>,
}

/// The size of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct PackageSize {
    /// Bytes of its packument and its tarballs.
    pub bytes: u64,
    /// Its tarballs.
    pub versions: u64,
    /// Its name.
    pub name: PackageName,
}

/// The package whose blobs are listed at the moment. They follow each other in a listing.
#[derive(Default)]
struct Current {
    folder: String,
    has_packument: bool,
    versions: u64,
    bytes: u64,
}

/// Counts with memory for the largest packages only.
#[derive(Default)]
struct Counter {
    stats: StorageStats,
    used: VersionsUsed,
    current: Current,
    largest: BinaryHeap<Reverse<PackageSize>>,
}

impl Care {
    pub(crate) async fn storage_stats(&self) -> Result<StorageStats, Error> {
        let mut counter = Counter::default();
        if let Some((downloads, used)) = self.parts.downloads.stats().await? {
            counter.stats.downloads = Some(downloads);
            counter.used = used;
        }
        let mut listed = self.parts.store.list(&BlobPrefix::ROOT);
        while let Some(blob) = listed.try_next().await? {
            counter.count(StoredPath::of(&blob.path), blob.length);
        }
        // An empty listing is a claim of absence.
        self.parts.store.confirm_absence().await?;
        Ok(counter.finish())
    }
}

impl Counter {
    fn count(&mut self, path: StoredPath<'_>, bytes: u64) {
        let stats = &mut self.stats;
        match path {
            StoredPath::Packument { folder } => {
                self.enter(folder, bytes);
                self.current.has_packument = true;
            }
            StoredPath::Tarball { folder, file } => {
                self.enter(folder, bytes);
                self.current.versions += 1;
                self.count_unused(folder, file.version);
            }
            StoredPath::StageRecord => stats.staged_bytes += bytes,
            StoredPath::StageTarball => {
                stats.staged_versions += 1;
                stats.staged_bytes += bytes;
            }
            StoredPath::Upstream => {
                stats.upstream_blobs += 1;
                stats.upstream_bytes += bytes;
            }
            kind => {
                stats.other_bytes += bytes;
                match kind {
                    StoredPath::LocalAccount => stats.local_accounts += 1,
                    StoredPath::GithubAccount => stats.github_accounts += 1,
                    StoredPath::OpenIdAccount => stats.openid_accounts += 1,
                    StoredPath::Token => stats.tokens += 1,
                    StoredPath::Organization => stats.organizations += 1,
                    _ => {}
                }
            }
        }
    }

    fn count_unused(&mut self, folder: &str, version: &str) {
        let Some(downloads) = &mut self.stats.downloads else { return };
        let name = Key::package_of_folder(folder);
        downloads.never_used += u64::from(name.is_some_and(|name| !self.used.contains(&name, version)));
    }

    fn enter(&mut self, folder: &str, bytes: u64) {
        if self.current.folder != folder {
            self.leave();
            folder.clone_into(&mut self.current.folder);
        }
        self.current.bytes += bytes;
    }

    /// Adds the package whose blobs were listed.
    fn leave(&mut self) {
        let Current { folder, has_packument, versions, bytes } = std::mem::take(&mut self.current);
        self.stats.packages += u64::from(has_packument);
        self.stats.versions += versions;
        self.stats.hosted_bytes += bytes;
        if let Some(name) = Key::package_of_folder(&folder) {
            self.largest.push(Reverse(PackageSize { bytes, versions, name }));
            if self.largest.len() > LARGEST {
                self.largest.pop();
            }
        }
    }

    fn finish(mut self) -> StorageStats {
        self.leave();
        // Ascending in `Reverse`, so the largest first.
        self.stats.largest = self.largest.into_sorted_vec().into_iter().map(|Reverse(size)| size).collect();
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::BlobPath;

    #[test]
    fn many_packages_are_counted_with_memory_for_ten() {
        let mut counter = Counter::default();
        for package in 0..20_000_u64 {
            for version in 0..5 {
                let path = format!("p{package:05}/-/{package:032x}/p{package:05}-{version}.0.0.tgz");
                counter.count(StoredPath::of(&BlobPath::parse(&path).unwrap()), package);
            }
            let path = BlobPath::parse(&format!("p{package:05}/index.json")).unwrap();
            counter.count(StoredPath::of(&path), 1);
            assert!(counter.largest.len() <= LARGEST);
        }
        let stats = counter.finish();
        assert_eq!((stats.packages, stats.versions), (20_000, 100_000));
        assert_eq!(stats.hosted_bytes, 5 * (19_999 * 20_000 / 2) + 20_000);
        let largest: Vec<_> = stats.largest.iter().map(|size| size.name.as_str()).collect();
        assert_eq!((largest.len(), largest[0], largest[9]), (LARGEST, "p19999", "p19990"));
    }
}
