use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::access::Action;
use crate::auth::Caller;
use crate::blob::{BlobPath, Key};
use crate::clock::timestamp;
use crate::domain::packument::{Packument, Revision, TarballIndex, TarballLocation};
use crate::domain::shorten::shorten;
use crate::domain::{DistTag, PackageName, Version};
use crate::events::EventKind;
use crate::{Error, Registry};

use super::commit::{Change, Decision};
use super::deprecate::require_changeable;
use super::publish::{hoist, internal};

impl Registry {
    /// Removes versions and their tarballs. Their numbers stay taken for ever.
    ///
    /// `dist_tags` are the tags as they are to be after it, where the caller has an opinion; tags of removed versions go.
    /// What `latest` is to be, the registry decides: it stays where it is, and where its version is removed, it moves to
    /// the highest version left, prereleases last. Removing all versions removes the package.
    pub async fn unpublish_versions(
        &self,
        caller: &Caller,
        name: &PackageName,
        versions: Vec<Version>,
        dist_tags: Option<IndexMap<String, String>>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.unpublish(caller, name, Removal::Versions { versions, dist_tags }, expected).await
    }

    /// Removes the whole package. Its version numbers stay taken for ever, and its owners keep the name.
    pub async fn unpublish_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.unpublish(caller, name, Removal::Package, expected).await
    }

    /// Clients end an unpublish by removing the tarball, which went with its version: succeeds if it did. Of a version that
    /// never was published there is none, and npm takes that for done too.
    pub async fn remove_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Error> {
        let right = self.require_write(caller, name, Action::Administer)?;
        let index = self.require_index_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        self.report_denial(caller, name, right.check(&packument))?;
        if packument.versions.contains_key(version.as_str()) {
            return Err(Error::request(format!(
                "the tarball of {name}@{version} cannot be removed while the version is published: \
                 run `npm unpublish {name}@{version}`"
            )));
        }
        if !packument.tombstones.contains_key(version.as_str()) {
            return Err(Error::VersionNotFound { selector: version.to_string() });
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
        let right = self.require_write(caller, name, Action::Administer)?;
        let registry = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            require_changeable(packument, &right, expected.as_ref())?;
            let tarballs = TarballIndex::of(packument)?;
            let removed = removal.apply(packument, &timestamp(registry.parts.clock.now()))?;
            let paths =
                removed.iter().filter_map(|version| tarball_path(&packument.name, version, &tarballs));
            let paths = paths.collect();
            Ok(Decision::Commit(Removed {
                versions: removed,
                tarballs: paths,
                all: packument.is_unpublished(),
            }))
        };
        Ok(self.change(caller, name, decide, clean_up).await?.revision)
    }
}

/// Takes the tarballs away and tells of it.
async fn clean_up(change: Change<Removed>) {
    for path in &change.value.tarballs {
        // No index names it any more, so it is out of reach whether this succeeds or not.
        if let Err(error) = change.registry.parts.store.delete(path).await {
            tracing::warn!(%path, %error, "the tarball of an unpublished version stays in the store");
        }
    }
    let versions = change.value.versions.clone();
    change.emit(if change.value.all {
        EventKind::PackageUnpublished { versions }
    } else {
        EventKind::Unpublished { versions }
    });
}

#[derive(Debug, Clone)]
struct Removed {
    versions: Vec<Version>,
    tarballs: Vec<BlobPath>,
    all: bool,
}

#[derive(Debug)]
enum Removal {
    Versions { versions: Vec<Version>, dist_tags: Option<IndexMap<String, String>> },
    Package,
}

impl Removal {
    fn apply(&self, packument: &mut Packument<'_>, now: &str) -> Result<Vec<Version>, Error> {
        let (removed, dist_tags) = match self {
            Self::Versions { versions, dist_tags } => (versions.clone(), dist_tags.as_ref()),
            Self::Package => {
                let all =
                    packument.versions.keys().filter_map(|version| Version::parse(version.as_str()).ok());
                (all.collect(), None)
            }
        };
        for version in &removed {
            if packument.versions.shift_remove(version.as_str()).is_none() {
                return Err(Error::VersionNotFound { selector: version.to_string() });
            }
            packument.time.shift_remove(version.as_str());
            packument.tombstones.insert(version.to_string(), now.into());
        }
        if matches!(self, Self::Package) {
            // What is left could not be parsed as a version, and so was never installable.
            packument.versions.clear();
        }
        if let Some(wanted) = dist_tags {
            packument.dist_tags = agreed_tags(packument, wanted)?;
        }
        let kept = std::mem::take(&mut packument.dist_tags);
        packument.dist_tags = kept
            .into_iter()
            .filter(|(_, version)| packument.versions.contains_key(version.as_str()))
            .collect();
        packument.time.insert("modified".into(), now.into());
        if packument.versions.is_empty() {
            packument.time.insert("unpublished".into(), now.into());
            // An approval would bring the package back, which its owner took away knowing nothing of it.
            packument.staged.values_mut().for_each(|staged| staged.unpublished = true);
            return Ok(removed);
        }
        move_latest(packument)?;
        Ok(removed)
    }
}

/// The tags that a client wants, with `latest` as it was. One that is new or moves is held to what is asked of every tag;
/// one that stays as it was may be older than that.
fn agreed_tags(
    packument: &Packument<'_>,
    wanted: &IndexMap<String, String>,
) -> Result<IndexMap<String, String>, Error> {
    let known = &packument.dist_tags;
    let kept = known.iter().filter(|(tag, _)| *tag == "latest" || wanted.contains_key(*tag));
    let mut agreed: IndexMap<_, _> = kept.map(|(tag, version)| (tag.clone(), version.clone())).collect();
    for (tag, version) in wanted {
        if tag == "latest" || known.get(tag) == Some(version) {
            continue;
        }
        DistTag::parse(tag)?;
        if !packument.versions.contains_key(version.as_str()) {
            return Err(Error::request(format!(
                "the tag {tag} cannot name {:?}, which is not a version of the package: run the command again",
                shorten(version)
            )));
        }
        agreed.insert(tag.clone(), version.clone());
    }
    Ok(agreed)
}

/// Where `latest` was removed, the highest version takes its place, prereleases last.
fn move_latest(packument: &mut Packument<'_>) -> Result<(), Error> {
    if packument.latest().is_none() {
        let versions = packument.versions.keys().filter_map(|version| Version::parse(version.as_str()).ok());
        let Some(highest) = versions.max_by_key(|version| (!version.is_prerelease(), version.clone())) else {
            return Ok(());
        };
        packument.dist_tags.insert("latest".into(), highest.to_string());
    }
    let manifest = packument.latest().and_then(|latest| packument.versions.get(latest));
    if let Some(manifest) = manifest {
        let manifest: Map<String, Value> = serde_json::from_str(manifest.get()).map_err(internal)?;
        hoist(packument, &manifest)?;
    }
    Ok(())
}

fn tarball_path(name: &PackageName, version: &Version, tarballs: &TarballIndex) -> Option<BlobPath> {
    match tarballs.get(version.as_str())? {
        TarballLocation::ContentAddressed(integrity) => Key::Tarball(name, version, integrity).path().ok(),
        TarballLocation::Plain => Key::PlainTarball(name, version).path().ok(),
    }
}
