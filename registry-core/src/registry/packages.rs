use std::sync::Arc;

use indexmap::IndexMap;
use secrecy::SecretString;

use crate::auth::Caller;
use crate::catalog::Representation;
use crate::domain::packument::{Person, Protection, Revision};
use crate::domain::publication::Publication;
use crate::domain::{DistTag, PackageName, StageId, Version};
use crate::organizations::GrantedPackages;
use crate::packages::{
    ChangeDocument, Collaborator, FoundTarball, PackageAccessChange, Published, StagedItem, TarballRange,
    TarballRedirect,
};
use crate::storage::OpenBlob;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

impl Registry {
    /// Sets the deprecation message of each of these versions; an empty message removes the deprecation.
    ///
    /// With `expected`, changes nothing and returns [`PackageError::StaleRevision`] if the packument is no longer at that revision. Returns the revision after the change.
    ///
    /// [`PackageError::StaleRevision`]: crate::error::PackageError::StaleRevision
    pub async fn deprecate(
        &self,
        caller: &Caller,
        name: &PackageName,
        messages: IndexMap<Version, String>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().deprecate(caller, name, messages, expected).await
    }

    /// Returns the dist-tags: tag → version.
    pub async fn dist_tags(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<IndexMap<String, String>, Error> {
        self.packages().dist_tags(caller, name).await
    }

    /// Points `tag` to `version`, which must exist.
    pub async fn set_dist_tag(
        &self,
        caller: &Caller,
        name: &PackageName,
        tag: DistTag,
        version: Version,
    ) -> Result<(), Error> {
        self.packages().set_dist_tag(caller, name, tag, version).await
    }

    /// Removes a tag, including one that could no longer be set. `latest` cannot be removed: installs without a version
    /// ask for it.
    pub async fn remove_dist_tag(&self, caller: &Caller, name: &PackageName, tag: &str) -> Result<(), Error> {
        self.packages().remove_dist_tag(caller, name, tag).await
    }

    /// Finds the change in a packument that a client sent back, and makes it.
    ///
    /// `removal_revision` is the revision of `PUT /{name}/-rev/{revision}`; without it no version is removed.
    ///
    /// A deprecation succeeds even if versions were published since the client read the package: npm does not retry.
    pub async fn change_by_document(
        &self,
        caller: &Caller,
        name: &PackageName,
        document: ChangeDocument,
        removal_revision: Option<&str>,
    ) -> Result<(), Error> {
        self.packages().change_by_document(caller, name, document, removal_revision).await
    }

    /// Returns the manifest of the version that a version, a dist-tag or a range selects, as JSON, with its tarball
    /// below `base`. A range, such as `^1.0.0`, selects the version that npm would install.
    ///
    /// The manifest of a hosted package is a slice of the cached full document.
    pub async fn manifest(
        &self,
        caller: &Caller,
        name: &PackageName,
        selector: &str,
        base: &Arc<str>,
    ) -> Result<Vec<u8>, Error> {
        self.packages().manifest(caller, name, selector, base).await
    }

    /// Returns a caller that acts for an existing account. No proof is required, since an operator with the store can
    /// create a token for any account. All rules hold as for the account: access rules, teams, ownership, and the
    /// second factor where the account or the package requires one.
    pub async fn on_behalf_of(
        &self,
        account: &str,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        self.packages().on_behalf_of(account, one_time_password).await
    }

    /// Whether [`Registry::publish`] would succeed now, and why not. Requires no second factor and publishes nothing.
    pub async fn check_publish(&self, caller: &Caller, publication: &Publication) -> Result<(), Error> {
        self.packages().check_publish(caller, publication).await
    }

    /// The owners of a package.
    pub async fn owners(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Person>, Error> {
        self.packages().owners(caller, name).await
    }

    /// Replaces the owners. At least one is required, and each new one must have an account. Only names count: mail
    /// addresses come from the accounts, and a duplicate name counts once.
    pub async fn set_owners(
        &self,
        caller: &Caller,
        name: &PackageName,
        owners: Vec<Person>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().set_owners(caller, name, owners, expected).await
    }

    /// Adds an owner, who must have an account.
    pub async fn add_owner(
        &self,
        caller: &Caller,
        name: &PackageName,
        owner: &str,
    ) -> Result<Revision, Error> {
        self.packages().add_owner(caller, name, owner).await
    }

    /// Removes an owner, unless it is the last one.
    pub async fn remove_owner(
        &self,
        caller: &Caller,
        name: &PackageName,
        owner: &str,
    ) -> Result<Revision, Error> {
        self.packages().remove_owner(caller, name, owner).await
    }

    /// Returns what the owners of a package decided about access. A package of an upstream has no such decisions.
    pub async fn package_access(&self, caller: &Caller, name: &PackageName) -> Result<Protection, Error> {
        self.packages().package_access(caller, name).await
    }

    /// Whether an anonymous caller may see a package, by the access rules and the owners' decisions.
    pub async fn is_public_package(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        self.packages().is_public_package(caller, name).await
    }

    /// Changes the access of a package. Only a caller who administers the package may do this; where changing the
    /// package requires a second factor, removing that requirement does too. A caller without a second factor cannot
    /// require one, and so cannot lock themselves out. Other owners without one set it up when they next publish.
    pub async fn set_package_access(
        &self,
        caller: &Caller,
        name: &PackageName,
        wanted: PackageAccessChange,
    ) -> Result<Protection, Error> {
        self.packages().set_package_access(caller, name, wanted).await
    }

    /// Returns the accounts that own a package or have it through a team. Only callers who administer the package see
    /// teams. Permissions from the access rules are not included.
    pub async fn collaborators(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<Vec<Collaborator>, Error> {
        self.packages().collaborators(caller, name).await
    }

    /// Returns the packages that an account owns and the caller may see, and for the caller also the packages granted
    /// to their teams.
    pub async fn packages_of(&self, caller: &Caller, account: &str) -> Result<GrantedPackages, Error> {
        self.packages().packages_of(caller, account).await
    }

    /// Returns the packument in `form`, with every tarball URL below `base`, the registry's URL without a trailing
    /// slash. As fresh as the store.
    pub async fn packument(
        &self,
        caller: &Caller,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        self.packages().packument(caller, name, form, base).await
    }

    /// Publishes one version. On `Ok`, packument and tarball are durable.
    ///
    /// Of concurrent publishes of one version exactly one succeeds; the others get [`PackageError::VersionTaken`], or
    /// [`PackageError::VersionStaged`] where the number is staged. A version number is taken forever, even after it was
    /// unpublished.
    ///
    /// [`PackageError::VersionTaken`]: crate::error::PackageError::VersionTaken
    /// [`PackageError::VersionStaged`]: crate::error::PackageError::VersionStaged
    pub async fn publish(&self, caller: &Caller, publication: Publication) -> Result<Published, Error> {
        self.packages().publish(caller, publication).await
    }

    /// Approves a staged version, which publishes it. Every caller who may publish the package may approve, including
    /// the one who staged the version, with the second factor of their account. Returns the package and the version.
    ///
    /// Approving again returns the same answer.
    pub async fn approve_stage(&self, caller: &Caller, id: StageId) -> Result<(PackageName, Version), Error> {
        self.packages().approve_stage(caller, id).await
    }

    /// Returns the staged versions of the packages that the caller may publish, or of one of them, by name and then by
    /// the time of staging.
    pub async fn staged_versions(
        &self,
        caller: &Caller,
        package: Option<&PackageName>,
    ) -> Result<Vec<StagedItem>, Error> {
        self.packages().staged_versions(caller, package).await
    }

    /// Rejects a staged version. Its data is removed and its number becomes free again, since no client could ever
    /// install it. Requires the same as an approval.
    ///
    /// Rejecting again returns the same answer.
    pub async fn reject_stage(&self, caller: &Caller, id: StageId) -> Result<(), Error> {
        self.packages().reject_stage(caller, id).await
    }

    /// Stages one version: it is checked and stored like a published one and reserves its number, but is neither
    /// visible nor installable until it is approved. On `Ok`, all of that is durable.
    ///
    /// Requires no second factor: the approver shows theirs. Of concurrent publishes and stages of one version, exactly
    /// one succeeds; the others get [`PackageError::VersionTaken`] or [`PackageError::VersionStaged`].
    ///
    /// [`PackageError::VersionTaken`]: crate::error::PackageError::VersionTaken
    /// [`PackageError::VersionStaged`]: crate::error::PackageError::VersionStaged
    pub async fn stage(&self, caller: &Caller, publication: Publication) -> Result<StageId, Error> {
        self.packages().stage(caller, publication).await
    }

    /// Returns a staged version, to callers who may stage versions of the package. An approved or rejected one is not
    /// found.
    pub async fn staged(&self, caller: &Caller, id: StageId) -> Result<StagedItem, Error> {
        self.packages().staged(caller, id).await
    }

    /// Opens the tarball of a staged version, for the same callers.
    pub async fn open_staged_tarball(&self, caller: &Caller, id: StageId) -> Result<OpenBlob, Error> {
        self.packages().open_staged_tarball(caller, id).await
    }

    /// Stars a package for the caller, or removes the caller's star. Every account that may read a package may star it,
    /// with a token that permits writes.
    pub async fn star(&self, caller: &Caller, name: &PackageName, starred: bool) -> Result<(), Error> {
        self.packages().star(caller, name, starred).await
    }

    /// The packages that `account` starred and the caller may read, in the order of their names.
    pub async fn stars(&self, caller: &Caller, account: &str) -> Result<Vec<PackageName>, Error> {
        self.packages().stars(caller, account).await
    }

    /// Finds the tarball of a version. A tarball that the packument does not name does not exist.
    pub async fn find_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<FoundTarball, Error> {
        self.packages().find_tarball(caller, name, version).await
    }

    /// Opens a tarball, or a part of it.
    pub async fn open_tarball(&self, tarball: &FoundTarball, range: TarballRange) -> Result<OpenBlob, Error> {
        self.packages().open_tarball(tarball, range).await
    }

    /// Returns a redirect for a tarball of `length` bytes, if it is longer than this registry sends itself
    /// ([`RegistryBuilder::redirect_tarballs_above`](crate::RegistryBuilder::redirect_tarballs_above)) and its store
    /// can sign URLs.
    pub async fn redirect_of(
        &self,
        tarball: &FoundTarball,
        length: u64,
    ) -> Result<Option<TarballRedirect>, Error> {
        self.packages().redirect_of(tarball, length).await
    }

    /// Waits until the bytes of a tarball are in the store, fetching them from the upstream if needed. The bytes of a
    /// hosted version are always there.
    pub async fn keep_tarball(&self, tarball: &FoundTarball) -> Result<(), Error> {
        self.packages().keep_tarball(tarball).await
    }

    /// Removes versions and their tarballs. Their numbers stay taken forever.
    ///
    /// `dist_tags` are the tags after the removal, if the caller gives any; tags of removed versions go. The registry
    /// decides `latest`: it stays where it is, or moves to the highest version left, prereleases last, if its version
    /// is removed. Removing all versions removes the package.
    pub async fn unpublish_versions(
        &self,
        caller: &Caller,
        name: &PackageName,
        versions: Vec<Version>,
        dist_tags: Option<IndexMap<String, String>>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().unpublish_versions(caller, name, versions, dist_tags, expected).await
    }

    /// Removes the whole package. Its version numbers stay taken forever, and its owners keep the name.
    pub async fn unpublish_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().unpublish_package(caller, name, expected).await
    }

    /// Succeeds if the tarball is gone: clients end an unpublish with this request, and the tarball went with its
    /// version. For a version that was never published it fails as not found, which npm also takes for done.
    pub async fn remove_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Error> {
        self.packages().remove_tarball(caller, name, version).await
    }
}
