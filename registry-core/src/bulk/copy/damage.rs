use serde::de::IgnoredAny;

use crate::bulk::BulkError;
use crate::bulk::tarball_urls::package_of_packument;
use crate::domain::PackageName;
use crate::domain::packument::{NamedTarball, Packument};
use crate::storage::{BlobPath, Key, StoredPath};

use super::copying::Copying;
use super::transfer::spelled;
use super::{CopiedObject, packument_paths, path};

const FREED: &str = ", or, if you freed the name, add --delete-packages";

impl Copying {
    /// Whether an object that the source does not have may be deleted from the copy. Fails for one that a registry keeps.
    pub(super) async fn may_delete(&self, object: &BlobPath) -> Result<bool, BulkError> {
        let deletes_packages = self.options.delete_packages || self.options.even_if_used;
        let lost = |advice| BulkError::Lost { path: object.clone(), advice };
        // Without the key, no signature is verified.
        let of_keys = [path(Key::SigningKeys)?, path(Key::SigningBegan)?];
        if of_keys.contains(object) && !self.options.even_if_used {
            return Err(lost(""));
        }
        match StoredPath::of(object) {
            StoredPath::Packument { .. } => {
                let Some(name) = package_of_packument(object) else { return Ok(true) };
                if self.is_entered_at_source(&name).await? {
                    return Err(lost(""));
                }
                if deletes_packages { Ok(true) } else { Err(lost(FREED)) }
            }
            StoredPath::Tarball { folder, .. } | StoredPath::Attestations { folder } => {
                let Some(name) = Key::package_of_folder(folder) else { return Ok(true) };
                match self.packument_at_source(&name).await? {
                    Some((path, bytes)) => {
                        // What an unreadable packument names is not known.
                        if named_tarballs(&name, &path, &bytes)?.contains(object) {
                            return Err(lost(""));
                        }
                        self.seen().changed.insert(name);
                        Ok(true)
                    }
                    // Its packument, which is lost too, is told.
                    None => Ok(deletes_packages || !self.has_packument(&name).await?),
                }
            }
            StoredPath::Spelling if !deletes_packages => {
                let stored = self.to.get(object).await.map_err(BulkError::of_object(object))?;
                match stored.and_then(|stored| spelled(object, &stored.bytes)) {
                    Some(name) => Ok(!self.has_packument(&name).await?),
                    None => Ok(true),
                }
            }
            _ => Ok(true),
        }
    }

    /// Remembers the tarballs that a packument of the source names and that neither store lists.
    pub(super) fn note_unlisted(&self, object: &BlobPath, bytes: &[u8]) {
        let named = package_of_packument(object).map(|name| named_tarballs(&name, object, bytes));
        if let Some(Ok(named)) = named {
            self.seen().note_unlisted(named);
        }
    }

    /// Returns a failure for each tarball that a packument of the source names, and that neither the source nor the copy has.
    pub(super) async fn missing_tarballs(&self) -> Vec<Result<CopiedObject, BulkError>> {
        let unlisted = std::mem::take(&mut self.seen().unlisted);
        let mut failures = Vec::new();
        for path in unlisted.into_iter().filter(|_| !self.is_over()) {
            match self.has_tarball(&path).await {
                Ok(true) => {}
                Ok(false) => failures.push(Err(BulkError::NoTarball { path })),
                Err(error) => failures.push(Err(error)),
            }
        }
        failures
    }

    /// Whether the source or the copy has a tarball, which may have come since they were listed. One whose version was unpublished
    /// meanwhile is not missed.
    async fn has_tarball(&self, object: &BlobPath) -> Result<bool, BulkError> {
        let failed = || BulkError::of_object(object);
        for store in [&self.from, &self.to] {
            if store.open(object, None).await.map_err(failed())?.is_some() {
                return Ok(true);
            }
        }
        let (StoredPath::Tarball { folder, .. } | StoredPath::Attestations { folder }) =
            StoredPath::of(object)
        else {
            return Ok(false);
        };
        let Some(name) = Key::package_of_folder(folder) else { return Ok(false) };
        let Some((path, bytes)) = self.packument_at_source(&name).await? else { return Ok(true) };
        Ok(!named_tarballs(&name, &path, &bytes)?.contains(object))
    }

    /// Refuses bytes of the source in place of a document of the copy that can be read, if they cannot.
    pub(super) fn refuse_unreadable(object: &BlobPath, known: &[u8], bytes: &[u8]) -> Result<(), BulkError> {
        match why_unreadable(object, bytes) {
            Some(reason) if why_unreadable(object, known).is_none() => {
                Err(BulkError::Unreadable { path: object.clone(), reason })
            }
            _ => Ok(()),
        }
    }

    /// Whether the source says that it stores the package, even if its packument is gone.
    async fn is_entered_at_source(&self, name: &PackageName) -> Result<bool, BulkError> {
        let path = path(Key::Spelling(&name.folded()))?;
        let stored = self.from.get(&path).await.map_err(BulkError::of_object(&path))?;
        Ok(stored.and_then(|stored| spelled(&path, &stored.bytes)).as_ref() == Some(name))
    }

    /// Whether the copy has a packument of the package.
    async fn has_packument(&self, name: &PackageName) -> Result<bool, BulkError> {
        for path in packument_paths(name)? {
            if self.to.open(&path, None).await.map_err(BulkError::of_object(&path))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns the paths of the tarballs and the attestations that the packument at `path` names.
pub(super) fn named_tarballs(
    name: &PackageName,
    path: &BlobPath,
    bytes: &[u8],
) -> Result<Vec<BlobPath>, BulkError> {
    let packument = Packument::parse_stored(name, bytes)
        .map_err(|reason| BulkError::Unreadable { path: path.clone(), reason })?;
    let paths = |named: NamedTarball| {
        let tarball = Key::tarball_at(name, &named.version, &named.location).path().ok();
        let attestations = named.attestations.as_ref();
        let attestations = attestations.and_then(|digest| Key::Attestations(name, digest).path().ok());
        [tarball, attestations].into_iter().flatten()
    };
    Ok(packument.named_tarballs().into_iter().flatten().flat_map(paths).collect())
}

fn why_unreadable(object: &BlobPath, bytes: &[u8]) -> Option<String> {
    if let Some(name) = package_of_packument(object) {
        return Packument::parse_stored(&name, bytes).err();
    }
    object.as_str().strip_suffix(".json")?;
    serde_json::from_slice::<IgnoredAny>(bytes).err().map(|error| error.to_string())
}
