use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::access::Action;
use crate::accounts::trust::npm_user;
use crate::auth::{Caller, Principal, TokenLimits};
use crate::authorization::WriteRight;
use crate::clock::timestamp;
use crate::concurrency::detached;
use crate::domain::packument::{Packument, Person, Revision, TarballIndex};
use crate::domain::publication::{Publication, Release};
use crate::domain::shorten::shorten;
use crate::domain::{Integrity, PackageName, Version};
use crate::error::{NewPackageError, PackageError};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::storage::{BlobStoreExt as _, Key};

use super::commit::{Before, PackumentDecision, nothing_more};
use super::provenance::{Attestations, attestations_path};

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The digest of its tarball.
    pub integrity: Integrity,
    /// The revision of the packument that names it.
    pub revision: Revision,
}

impl Packages {
    /// Publishes what `domain/publication/verify.rs` has verified against the tarball: a [`Publication`] cannot exist
    /// otherwise.
    pub(crate) async fn publish(
        &self,
        caller: &Caller,
        publication: Publication,
    ) -> Result<Published, Error> {
        let (packages, caller) = (self.with_access_snapshot(), caller.clone());
        let right = packages.authorization.require_write(&caller, &publication.name, Action::Publish)?;
        detached(async move { packages.publish_here(&caller, right, Arc::new(publication)).await }).await
    }

    /// Rejects an `npm-shrinkwrap.json` that takes packages from elsewhere than this registry and its upstreams.
    pub(super) fn require_known_origins(&self, publication: &Publication) -> Result<(), Error> {
        let known = &self.parts.shrinkwrap_origins;
        match publication.shrinkwrap_origins().find(|origin| !known.contains(*origin)) {
            Some(origin) => {
                Err(Error::Package(PackageError::ShrinkwrapOrigin { origin: shorten(origin).into_owned() }))
            }
            None => Ok(()),
        }
    }

    async fn publish_here(
        &self,
        caller: &Caller,
        right: WriteRight,
        publication: Arc<Publication>,
    ) -> Result<Published, Error> {
        let Publication { name, version, integrity, tag, .. } = &*publication;
        self.proxy().require_hosted_here(name)?;
        self.require_known_origins(&publication)?;
        let attestations = self.verify_provenance(&publication).await?;
        let signature = self.sign(name, version, integrity).await?;
        let is_stored = Arc::new(AtomicBool::new(false));
        let (storing, storable, stored) = (self.clone(), Arc::clone(&publication), Arc::clone(&is_stored));
        let publisher = caller.clone();
        let recorded = attestations.as_ref().map(|attestations| attestations.recorded.clone());
        let storable_attestations = attestations.clone();
        let store_tarball: Before = Box::new(move |exists| {
            Box::pin(async move {
                storing.store_tarball(&publisher, &storable, exists).await?;
                if let Some(attestations) = &storable_attestations {
                    storing.store_attestations(&storable.name, attestations).await?;
                }
                stored.store(true, Ordering::Relaxed);
                Ok(())
            })
        });
        let (packages, adding) = (self.clone(), Arc::clone(&publication));
        let build = caller.limits.clone();
        let decide = move |packument: &mut Packument<'_>| {
            right.require_ownership_of_name(packument)?;
            let is_new = packument.is_new();
            // Where the access rules already exclude anonymous readers, `restricted` adds nothing. A client may send it
            // by default.
            packument.protection.restricted |=
                is_new && adding.restricted && packages.authorization.is_public(&adding.name);
            let publisher = person(&right.principal);
            let release = release_of(&adding, &publisher, build.as_deref());
            let release = release.signed(signature.as_ref()).attested(recorded.as_ref());
            packument.add_version(release, publisher, &timestamp(packages.parts.clock.now()))?;
            Ok(PackumentDecision::Commit(()))
        };
        let event = EventKind::Published {
            version: version.clone(),
            tag: tag.clone(),
            integrity: integrity.to_string(),
        };
        let events = move |(): &()| [event.clone()];
        let changed = self.change_after(caller, name, Some(store_tarball), decide, events, nothing_more);
        let committed = match changed.await {
            Err(error @ Error::Package(PackageError::VersionTaken { .. }))
                if is_stored.load(Ordering::Relaxed) =>
            {
                self.remove_files_of_the_loser(&publication, attestations.as_ref()).await;
                return Err(error);
            }
            Err(error @ Error::NewPackage(NewPackageError::NameInOtherCapitals { .. }))
                if is_stored.load(Ordering::Relaxed) =>
            {
                // Another spelling owns the name permanently, so no packument will ever name these bytes.
                let attestations = attestations.map(|attestations| attestations.path(name));
                let tarball = Key::Tarball(name, version, integrity).path().ok();
                for path in tarball.into_iter().chain(attestations.flatten()) {
                    let _ = self.parts.store.delete(&path).await;
                }
                return Err(error);
            }
            committed => committed?,
        };
        self.parts.hosted_check.set_hosted(name);
        Ok(Published {
            name: name.clone(),
            version: version.clone(),
            integrity: integrity.clone(),
            revision: committed.revision,
        })
    }

    /// Stores the tarball, after the change was accepted and before the packument names it.
    async fn store_tarball(
        &self,
        caller: &Caller,
        publication: &Publication,
        package_exists: bool,
    ) -> Result<(), Error> {
        let Publication { name, version, integrity, tarball, .. } = publication;
        if !package_exists {
            self.proxy().require_free_name(caller, name).await?;
        }
        let path = Key::Tarball(name, version, integrity).path()?;
        Ok(self.parts.store.put_content_addressed(&path, tarball.clone()).await?)
    }

    /// If the version is taken, no index will ever name these files, unless the winner's are the same. A staged number
    /// may become free again, and the same bytes may already be on their way a second time. A failure does no harm: a
    /// tarball that no index names cannot be reached.
    async fn remove_files_of_the_loser(
        &self,
        publication: &Publication,
        attestations: Option<&Attestations>,
    ) {
        let Publication { name, version, integrity, .. } = publication;
        let Ok(Some(index)) = self.catalog().read_packument(name).await else { return };
        let Ok(packument) = Packument::parse(name, &index.blob.bytes) else { return };
        if !packument.is_version_reserved(version) {
            return;
        }
        let is_ours =
            TarballIndex::of(&packument).map_or(true, |index| index.names(version.as_str(), integrity));
        if let (false, Ok(path)) = (is_ours, Key::Tarball(name, version, integrity).path()) {
            let _ = self.parts.store.delete(&path).await;
        }
        let named = packument.versions.get(version.as_str());
        let named = named.and_then(|manifest| attestations_path(name, manifest.get()));
        let ours = attestations.and_then(|attestations| attestations.path(name));
        if let Some(path) = ours.filter(|path| named.as_ref() != Some(path)) {
            let _ = self.parts.store.delete(&path).await;
        }
    }
}

/// A principal as packuments name it.
pub(crate) fn person(principal: &Principal) -> Person {
    Person { name: principal.name.clone(), email: principal.email.clone().unwrap_or_default() }
}

/// What a packument records of a publication. A trusted build is named in place of the account that trusted it.
pub(crate) fn release_of(
    publication: &Publication,
    publisher: &Person,
    limits: Option<&TokenLimits>,
) -> Release {
    let release = publication.release(publisher);
    match limits.and_then(|limits| limits.publisher.as_ref()) {
        Some(build) => release.published_by(npm_user(build)),
        None => release,
    }
}
