use indexmap::IndexMap;

use crate::Error;
use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::{Packument, Revision, TarballIndex};
use crate::domain::{PackageName, Version};
use crate::error::PackageError;
use crate::events::EventKind;
use crate::packages::Packages;
use crate::storage::{BlobPath, Key};

use super::commit::{CommittedChange, PackumentDecision};
use super::provenance::attestations_path;

impl Packages {
    pub(crate) async fn unpublish_versions(
        &self,
        caller: &Caller,
        name: &PackageName,
        versions: Vec<Version>,
        dist_tags: Option<IndexMap<String, String>>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.unpublish(caller, name, Removal::Versions { versions, dist_tags }, expected).await
    }

    pub(crate) async fn unpublish_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.unpublish(caller, name, Removal::Package, expected).await
    }

    pub(crate) async fn remove_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        let index = self.proxy().require_packument_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        self.authorization.report_denial(caller, name, right.require_ownership(&packument))?;
        if packument.versions.contains_key(version.as_str()) {
            return Err(Error::request(format!(
                "the tarball of {name}@{version} cannot be removed while the version is published: \
                 run `npm unpublish {name}@{version}`"
            )));
        }
        if !packument.tombstones.contains_key(version.as_str()) {
            return Err(Error::Package(PackageError::VersionNotFound { selector: version.to_string() }));
        }
        Ok(())
    }

    async fn unpublish(
        &self,
        caller: &Caller,
        name: &PackageName,
        removal: Removal,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        let expected = match expected {
            Some(seen) => Some(self.stored_revision(name, seen).await?),
            None => None,
        };
        let packages = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            right.require_changeable(packument, expected.as_ref())?;
            let now = timestamp(packages.parts.clock.now());
            Ok(PackumentDecision::Commit(Removed::from(packument, |packument| {
                removal.apply(packument, &now)
            })?))
        };
        let clean_up = |change: CommittedChange<Removed>| change.value.clean_up(change.packages);
        Ok(self.change_and_then(caller, name, decide, Removed::event, clean_up).await?.revision)
    }
}

/// Versions that a change removed.
#[derive(Debug, Clone)]
pub(super) struct Removed {
    versions: Vec<Version>,
    files: Vec<BlobPath>,
    all: bool,
}

impl Removed {
    /// Removes versions with `remove`, which returns them.
    pub(super) fn from(
        packument: &mut Packument<'_>,
        remove: impl FnOnce(&mut Packument<'_>) -> Result<Vec<Version>, Error>,
    ) -> Result<Self, Error> {
        let tarballs = TarballIndex::of(packument)?;
        let before = packument.versions.clone();
        let versions = remove(packument)?;
        let tarballs =
            versions.iter().filter_map(|version| tarball_path(&packument.name, version, &tarballs));
        let attestations = versions
            .iter()
            .filter_map(|version| attestations_path(&packument.name, before.get(version.as_str())?.get()));
        let files = tarballs.chain(attestations).collect();
        Ok(Self { files, all: packument.is_unpublished(), versions })
    }

    /// Deletes the tarballs and the attestations.
    pub(super) async fn clean_up(self, packages: Packages) {
        for path in &self.files {
            // No index names it any more, so it cannot be reached even if the deletion fails.
            if let Err(error) = packages.parts.store.delete(path).await {
                tracing::warn!(%path, %error, "could not delete the tarball of an unpublished version");
            }
        }
    }

    pub(super) fn event(&self) -> [EventKind; 1] {
        let versions = self.versions.clone();
        [if self.all {
            EventKind::PackageUnpublished { versions }
        } else {
            EventKind::Unpublished { versions }
        }]
    }
}

#[derive(Debug)]
enum Removal {
    Versions { versions: Vec<Version>, dist_tags: Option<IndexMap<String, String>> },
    Package,
}

impl Removal {
    fn apply(&self, packument: &mut Packument<'_>, now: &str) -> Result<Vec<Version>, Error> {
        match self {
            Self::Versions { versions, dist_tags } => {
                packument.remove_versions(versions, dist_tags.as_ref(), now)?;
                Ok(versions.clone())
            }
            Self::Package => Ok(packument.remove_all_versions(now)?),
        }
    }
}

fn tarball_path(name: &PackageName, version: &Version, tarballs: &TarballIndex) -> Option<BlobPath> {
    Key::tarball_at(name, version, tarballs.get(version.as_str())?).path().ok()
}
