//! Tarballs that no packument names.
//!
//! A publish stores the tarball before the packument that names it, so a young one may belong to a publish in progress. A
//! publish that finds its tarball there already stores it again, so that its age protects it too. The packument is read
//! after the listing, so that every tarball that was published before the listing is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;

use crate::Error;
use crate::care::Care;
use crate::catalog::StoredPackument;
use crate::concurrency::compute;
use crate::domain::PackageName;
use crate::domain::packument::{NamedTarball, Packument};
use crate::storage::{BlobPath, BlobPrefix, Key, ListedBlob, StoredPath};

use super::tarballs::path_of;

/// The tarballs in the folders of a package, by path.
pub(super) type StoredTarballs = BTreeMap<BlobPath, StoredTarball>;

/// A tarball, as it is listed.
#[derive(Debug, Clone)]
pub(super) struct StoredTarball {
    pub(super) version: Box<str>,
    is_plain: bool,
    pub(super) bytes: u64,
    last_modified: DateTime<Utc>,
}

/// What became of the packument of a package.
pub(super) enum Index {
    Readable(ReadIndex),
    Damaged {
        reason: String,
    },
    Lost,
    /// No packument was ever stored.
    Never,
}

/// What a packument says about tarballs and tags.
#[derive(Debug, Clone)]
pub(super) struct ReadIndex {
    pub(super) tarballs: Arc<Vec<NamedTarball>>,
    /// Version → why its manifest cannot be read.
    pub(super) unreadable: Vec<(String, String)>,
    /// Tag → what it names.
    pub(super) dangling_tags: Vec<(String, String)>,
}

impl Care {
    /// Lists the tarballs of a package. Other blobs in its folders are left alone.
    pub(super) async fn stored_tarballs(&self, name: &PackageName) -> Result<StoredTarballs, Error> {
        let mut tarballs = StoredTarballs::new();
        for folder in Key::package_folders(name)? {
            let mut listed = self.parts.store.list(&folder);
            while let Some(blob) = listed.try_next().await? {
                tarballs.extend(stored_tarball(&folder, blob));
            }
        }
        Ok(tarballs)
    }

    /// Reads the packument as stored now.
    pub(super) async fn read_index(&self, name: &PackageName) -> Result<Index, Error> {
        let _turn = self.parts.reading_packuments.acquire().await.map_err(Error::internal)?;
        let catalog = self.catalog();
        let found = self.parts.store.or_proven_absent(catalog.read_packument(name).await?).await?;
        let found = match found {
            Some(found) => found,
            None if catalog.was_never_stored(name).await? => return Ok(Index::Never),
            // It may have been stored since.
            None => match catalog.read_packument(name).await? {
                Some(found) => found,
                None => return Ok(Index::Lost),
            },
        };
        let name = name.clone();
        let read = compute(found.blob.bytes.len(), move || read(&name, &found)).await?;
        Ok(read.map_or_else(|reason| Index::Damaged { reason }, Index::Readable))
    }

    /// Returns the tarballs of a listing that no packument names, and that were last stored before `before`. Reads the
    /// packument anew.
    pub(super) async fn orphans(
        &self,
        name: &PackageName,
        stored: &StoredTarballs,
        before: DateTime<Utc>,
    ) -> Result<Vec<(BlobPath, u64)>, Error> {
        if stored.values().all(|tarball| tarball.last_modified >= before) {
            return Ok(Vec::new());
        }
        let index = match self.read_index(name).await? {
            Index::Readable(index) => Some(index),
            Index::Never => None,
            // What a damaged packument named is not known.
            Index::Damaged { .. } | Index::Lost => return Ok(Vec::new()),
        };
        let protection = Protected::of(name, index.as_ref(), stored)?;
        let orphans = stored
            .iter()
            .filter(|(path, tarball)| tarball.last_modified < before && !protection.covers(path, tarball));
        Ok(orphans.map(|(path, tarball)| (path.clone(), tarball.bytes)).collect())
    }

    /// Deletes an orphan, unless it was stored again since it was listed. Returns whether it was deleted.
    pub(super) async fn remove_orphan(&self, path: &BlobPath, before: DateTime<Utc>) -> Result<bool, Error> {
        let Some((folder, _)) = path.as_str().rsplit_once('/') else { return Ok(false) };
        let mut listed = self.parts.store.list(&BlobPrefix::folder(BlobPath::parse(folder)?));
        while let Some(blob) = listed.try_next().await? {
            if blob.path == *path && blob.last_modified < before {
                self.parts.store.delete(path).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn stored_tarball(folder: &BlobPrefix, blob: ListedBlob) -> Option<(BlobPath, StoredTarball)> {
    let ListedBlob { path, length, last_modified } = blob;
    let StoredPath::Tarball { folder: found, file } = StoredPath::of(&path) else { return None };
    if folder.path().is_none_or(|folder| folder.as_str() != found) {
        return None;
    }
    let (version, is_plain) = (file.version.into(), file.is_plain);
    Some((path, StoredTarball { version, is_plain, bytes: length, last_modified }))
}

fn read(name: &PackageName, found: &StoredPackument) -> Result<ReadIndex, String> {
    let packument = Packument::parse_stored(name, &found.blob.bytes)?;
    let (mut tarballs, mut unreadable) = (Vec::new(), Vec::new());
    for named in packument.named_tarballs() {
        match named {
            Ok(tarball) => tarballs.push(tarball),
            Err(manifest) => unreadable.push((manifest.version, manifest.reason)),
        }
    }
    let dangling = packument.dangling_dist_tags().map(|(tag, version)| (tag.to_owned(), version.to_owned()));
    let dangling_tags = dangling.collect();
    Ok(ReadIndex { tarballs: Arc::new(tarballs), unreadable, dangling_tags })
}

/// The tarballs that are not orphans.
struct Protected<'a> {
    has_index: bool,
    named: BTreeSet<BlobPath>,
    /// Version → whether the tarball that the packument names is there.
    versions: HashMap<&'a str, bool>,
}

impl<'a> Protected<'a> {
    fn of(name: &PackageName, index: Option<&'a ReadIndex>, stored: &StoredTarballs) -> Result<Self, Error> {
        let mut protected =
            Self { has_index: index.is_some(), named: BTreeSet::new(), versions: HashMap::new() };
        let Some(index) = index else { return Ok(protected) };
        for tarball in index.tarballs.iter() {
            let path = path_of(name, tarball)?;
            protected.versions.insert(tarball.version.as_str(), stored.contains_key(&path));
            protected.named.insert(path);
        }
        let unreadable = index.unreadable.iter().map(|(version, _)| (version.as_str(), false));
        protected.versions.extend(unreadable);
        Ok(protected)
    }

    fn covers(&self, path: &BlobPath, tarball: &StoredTarball) -> bool {
        if self.named.contains(path) {
            return true;
        }
        match self.versions.get(&*tarball.version) {
            // The packument may be what is wrong: the tarball that it names is not there.
            Some(false) => true,
            // codebox-npm may still read it.
            Some(true) => tarball.is_plain,
            // codebox-npm makes no entry of a spelling, so a missing packument may be a lost one.
            None => tarball.is_plain && !self.has_index,
        }
    }
}
