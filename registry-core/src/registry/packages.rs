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
    /// Sets what installs say of each of these versions; an empty message takes the deprecation back.
    ///
    /// With `expected`, changes nothing and answers [`Error::StaleRevision`] if the packument is not at that
    /// revision any more. Answers the revision after the change.
    pub async fn deprecate(
        &self,
        caller: &Caller,
        name: &PackageName,
        messages: IndexMap<Version, String>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().deprecate(caller, name, messages, expected).await
    }

    /// The dist-tags: tag → version.
    pub async fn dist_tags(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<IndexMap<String, String>, Error> {
        self.packages().dist_tags(caller, name).await
    }

    /// Makes `tag` name `version`, which must exist.
    pub async fn set_dist_tag(
        &self,
        caller: &Caller,
        name: &PackageName,
        tag: DistTag,
        version: Version,
    ) -> Result<(), Error> {
        self.packages().set_dist_tag(caller, name, tag, version).await
    }

    /// Removes a tag, also one that could not be set today. `latest` stays: installs without a version ask for it.
    pub async fn remove_dist_tag(&self, caller: &Caller, name: &PackageName, tag: &str) -> Result<(), Error> {
        self.packages().remove_dist_tag(caller, name, tag).await
    }

    /// Finds the change in a packument that a client sent back, and makes it.
    ///
    /// `removal_revision` is the revision of `PUT /{name}/-rev/{revision}`; without it no version is removed.
    ///
    /// Versions that were published since the client read the package are no reason to refuse a deprecation: npm does not
    /// try again.
    pub async fn change_by_document(
        &self,
        caller: &Caller,
        name: &PackageName,
        document: ChangeDocument,
        removal_revision: Option<&str>,
    ) -> Result<(), Error> {
        self.packages().change_by_document(caller, name, document, removal_revision).await
    }

    /// The manifest of the version that a version, a dist-tag or a range selects, as JSON, with its tarball below `base`.
    /// Of a range, such as `^1.0.0`, it is the version that npm would install.
    ///
    /// Of a hosted package it is a piece of the full document, which is made once and kept.
    pub async fn manifest(
        &self,
        caller: &Caller,
        name: &PackageName,
        selector: &str,
        base: &Arc<str>,
    ) -> Result<Vec<u8>, Error> {
        self.packages().manifest(caller, name, selector, base).await
    }

    /// The caller for what an operator does in the name of an account, which must exist. Nobody is asked to prove
    /// anything, since whoever has the store can make a token of any account. All rules hold for them as for the
    /// account: what the access rules and the teams give, who owns what, and the second factor where the account or the
    /// package asks for one.
    pub async fn act_for(
        &self,
        account: &str,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        self.packages().act_for(account, one_time_password).await
    }

    /// Whether [`Registry::publish`] would be let through at this moment, and why not, without a second factor being asked
    /// for and without anything published.
    pub async fn check_publish(&self, caller: &Caller, publication: &Publication) -> Result<(), Error> {
        self.packages().check_publish(caller, publication).await
    }

    /// The owners of a package.
    pub async fn owners(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Person>, Error> {
        self.packages().owners(caller, name).await
    }

    /// Makes `owners` the owners. There must be one at least, and each new one must have an account. Only their names count:
    /// their mail addresses are those of their accounts, and who is named twice is an owner once.
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

    /// What the owners of a package decided of it. A package of an upstream has nothing decided.
    pub async fn package_access(&self, caller: &Caller, name: &PackageName) -> Result<Protection, Error> {
        self.packages().package_access(caller, name).await
    }

    /// Whether anybody at all may see a package: by the rules, and by what its owners decided.
    pub async fn is_public_package(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        self.packages().is_public_package(caller, name).await
    }

    /// Changes what a package is open to. Only whoever administers it may; where a second factor is needed to change
    /// it, it is needed to end that too. A caller whose account has no second factor cannot make it needed, and so lock
    /// themselves out. Other owners without one are not asked: they set one up when they next publish.
    pub async fn set_package_access(
        &self,
        caller: &Caller,
        name: &PackageName,
        wanted: PackageAccessChange,
    ) -> Result<Protection, Error> {
        self.packages().set_package_access(caller, name, wanted).await
    }

    /// Who may do something with a package as one of its owners or by being in a team. Teams are for those to see who
    /// administer it. What the rules give is not in it.
    pub async fn collaborators(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<Vec<Collaborator>, Error> {
        self.packages().collaborators(caller, name).await
    }

    /// The packages of an account: those it owns and the caller may see, and for the caller also what their teams
    /// were granted.
    pub async fn packages_of(&self, caller: &Caller, account: &str) -> Result<GrantedPackages, Error> {
        self.packages().packages_of(caller, account).await
    }

    /// The packument in `form`, with every tarball below `base`, the registry's URL without a slash at its end.
    /// As fresh as the store.
    pub async fn packument(
        &self,
        caller: &Caller,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        self.packages().packument(caller, name, form, base).await
    }

    /// Publishes one version. When this answers `Ok`, packument and tarball are durable.
    ///
    /// Of concurrent publications of one version exactly one succeeds; the others get [`Error::VersionTaken`],
    /// and [`Error::VersionStaged`] where the number is staged.
    /// A version number is taken for ever, also after it was unpublished.
    pub async fn publish(&self, caller: &Caller, publication: Publication) -> Result<Published, Error> {
        self.packages().publish(caller, publication).await
    }

    /// Approves a staged version, which publishes it. Whoever may publish the package may do it, also who staged it, with
    /// the second factor that their account has. Answers the package and the version.
    ///
    /// Who approves what is approved already gets the same answer.
    pub async fn approve_stage(&self, caller: &Caller, id: StageId) -> Result<(PackageName, Version), Error> {
        self.packages().approve_stage(caller, id).await
    }

    /// What is staged of the packages that the caller may publish, or of one of them: by name, and of each package the
    /// first staged first.
    pub async fn staged_versions(
        &self,
        caller: &Caller,
        package: Option<&PackageName>,
    ) -> Result<Vec<StagedItem>, Error> {
        self.packages().staged_versions(caller, package).await
    }

    /// Rejects a staged version. What was stored of it goes, and its number is free again, since nobody could ever
    /// install it. The same is asked of whoever rejects as of whoever approves.
    ///
    /// Who rejects what is rejected already gets the same answer.
    pub async fn reject_stage(&self, caller: &Caller, id: StageId) -> Result<(), Error> {
        self.packages().reject_stage(caller, id).await
    }

    /// Stages one version: it is checked and kept like one that is published, its number is taken, and nobody can see or
    /// install it until somebody approves it. When this answers `Ok`, all of that is durable.
    ///
    /// No second factor is asked for: whoever approves shows theirs. Of everybody who publishes or stages a version at
    /// once, exactly one succeeds; the others get [`Error::VersionTaken`] or
    /// [`Error::VersionStaged`].
    pub async fn stage(&self, caller: &Caller, publication: Publication) -> Result<StageId, Error> {
        self.packages().stage(caller, publication).await
    }

    /// A staged version, for those who may stage versions of the package. One that was approved or rejected is none.
    pub async fn staged(&self, caller: &Caller, id: StageId) -> Result<StagedItem, Error> {
        self.packages().staged(caller, id).await
    }

    /// The tarball of a staged version, for the same people.
    pub async fn open_staged_tarball(&self, caller: &Caller, id: StageId) -> Result<OpenBlob, Error> {
        self.packages().open_staged_tarball(caller, id).await
    }

    /// Stars a package for the caller, or takes the star back. Each account that may read a package may star it, with a
    /// token that may change things.
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

    /// Where else to fetch a tarball of `length` bytes, if it is longer than this registry sends itself
    /// ([`RegistryBuilder::redirect_tarballs_above`](crate::RegistryBuilder::redirect_tarballs_above)) and its store
    /// can sign URLs.
    pub async fn redirect_of(
        &self,
        tarball: &FoundTarball,
        length: u64,
    ) -> Result<Option<TarballRedirect>, Error> {
        self.packages().redirect_of(tarball, length).await
    }

    /// Waits until the bytes of a tarball are in the store, fetching them from the upstream if need be. Those of a hosted
    /// version are there.
    pub async fn keep_tarball(&self, tarball: &FoundTarball) -> Result<(), Error> {
        self.packages().keep_tarball(tarball).await
    }

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
        self.packages().unpublish_versions(caller, name, versions, dist_tags, expected).await
    }

    /// Removes the whole package. Its version numbers stay taken for ever, and its owners keep the name.
    pub async fn unpublish_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.packages().unpublish_package(caller, name, expected).await
    }

    /// Clients end an unpublish by removing the tarball, which went with its version: succeeds if it did. Of a version that
    /// never was published there is none, and npm takes that for done too.
    pub async fn remove_tarball(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Error> {
        self.packages().remove_tarball(caller, name, version).await
    }
}
