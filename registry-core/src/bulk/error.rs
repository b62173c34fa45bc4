use crate::Error;
use crate::domain::PackageName;
use crate::domain::publication::ImportRefusal;
use crate::events::EventError;
use crate::storage::{BlobError, BlobPath};

use super::source_error::{CREDENTIAL, SourceError};

/// Why an operation on the storage failed, for one object or as a whole. The text is for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// The listing broke off, so objects may have been left out.
    #[error("cannot list the storage to its end")]
    Listing(#[source] BlobError),
    /// An object cannot be read, written or deleted.
    #[error("cannot read or write {path}")]
    Object {
        /// The object.
        path: BlobPath,
        /// The error of the store.
        #[source]
        source: BlobError,
    },
    /// A package cannot be read or changed.
    #[error("cannot read or change the package {package}")]
    Package {
        /// The package.
        package: PackageName,
        /// Why.
        #[source]
        source: Error,
    },
    /// An operation on all packages failed.
    #[error("cannot read the packages")]
    Packages(#[source] Error),
    /// An object does not have the bytes that were written.
    #[error("{path} does not have the bytes that were written: restore it from a backup")]
    Differs {
        /// The object.
        path: BlobPath,
    },
    /// A sink did not accept a package.
    #[error("{package} was not accepted by {sink}")]
    Sink {
        /// The package.
        package: PackageName,
        /// The name of the sink.
        sink: String,
        /// Its error.
        #[source]
        source: EventError,
    },
    /// The tarball is not the one that was published, so it was not copied.
    #[error("{path} is not the tarball that was published: registry-server verify says more")]
    Damaged {
        /// The object.
        path: BlobPath,
    },
    /// A document of the source cannot be what the registry stored there, so the copy keeps its own.
    #[error(
        "{path} of the source cannot be read ({reason}), and the copy keeps its own: restore it from the copy, and run the \
         command again"
    )]
    Unreadable {
        /// The object.
        path: BlobPath,
        /// Why it cannot be read.
        reason: String,
    },
    /// The source has no longer what a registry never deletes, so the copy keeps it.
    #[error("the source has lost {path}, and the copy keeps it: restore it from the copy{advice}")]
    Lost {
        /// The object.
        path: BlobPath,
        /// What else there is to do.
        advice: &'static str,
    },
    /// Users published a package here that the source has, too.
    #[error(
        "{package} was published here, and nothing was ever imported into it: if its owners agree that the source's versions are \
         added, run the command again with --into-published"
    )]
    PublishedHere {
        /// The package.
        package: PackageName,
    },
    /// A packument names a tarball that is nowhere.
    #[error(
        "neither the source nor the copy has {path}, which a packument names, so its version cannot be installed: restore it from \
         another backup, or unpublish the version"
    )]
    NoTarball {
        /// The tarball.
        path: BlobPath,
    },
    /// The storage cannot be copied there.
    #[error("cannot copy: {reason}")]
    NoCopy {
        /// Why, and what to do.
        reason: String,
    },
    /// Something was written to the copy since it was finished, and would be lost.
    #[error(
        "the copy was written to since it was finished, at {path} first: copy to an empty storage, or add --even-if-used to \
         overwrite it"
    )]
    CopyWasUsed {
        /// The first object that is newer.
        path: BlobPath,
    },
    /// Another registry does not say what it has of a package.
    #[error("cannot read the package {package} of the source")]
    Source {
        /// The package.
        package: PackageName,
        /// Its error.
        #[source]
        source: SourceError,
    },
    /// Another registry does not let a package be read.
    #[error(
        "the source {registry} refuses {package} with status {status}: give the command {CREDENTIAL} that may read it"
    )]
    SourceRefused {
        /// The other registry, as it displays itself.
        registry: String,
        /// The package.
        package: PackageName,
        /// The status of the answer.
        status: u16,
    },
    /// Another registry has no such package, or no version of it.
    #[error(
        "the source {registry} has no version of {package}: check the name, the path of the URL, and whether the token or login may \
         read it"
    )]
    NotAtSource {
        /// The other registry, as it displays itself.
        registry: String,
        /// The package.
        package: PackageName,
    },
    /// Another registry does not send a tarball.
    #[error("cannot fetch the tarball of {package}@{version}")]
    SourceTarball {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
        /// Its error.
        #[source]
        source: SourceError,
    },
    /// The registry that packages are imported from is this one.
    #[error(
        "the source {registry} is this registry itself, or stores in a copy of its storage, so nothing is imported: name the URL of \
         the registry that has the packages"
    )]
    FromItself {
        /// The registry, as it displays itself.
        registry: String,
    },
    /// None of the owners that another registry names of a package can have an account here.
    #[error(
        "{package} is not imported: no account here can have the name of one of its owners at the source ({owners}), and without \
         owners it would belong to every account that may publish: add an owner there"
    )]
    NoPossibleOwner {
        /// The package.
        package: PackageName,
        /// The owners, separated by commas.
        owners: String,
    },
    /// A version is not imported. The others are.
    #[error("{package}@{version} is not imported")]
    Refused {
        /// The package.
        package: PackageName,
        /// The version, as the source names it.
        version: String,
        /// Why, and what to do.
        #[source]
        source: ImportRefusal,
    },
    /// Another registry does not say which packages it has.
    #[error("cannot list the packages of the source")]
    Listed(#[source] SourceError),
    /// The list of another registry cannot be used.
    #[error("cannot list the packages of the source: {reason}")]
    NoList {
        /// Why, and what to do.
        reason: String,
    },
    /// A lock file names a version that cannot be bundled, because it is nowhere.
    #[error(
        "this registry and its upstreams have no {package}@{version}, which a lock file names: let the client write the lock file \
         again"
    )]
    NoVersion {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
    },
    /// A lock file has another integrity of a version.
    #[error(
        "the tarball of {package}@{version} does not have the integrity that a lock file has of it: find out which of the two is \
         right"
    )]
    LockDiffers {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
    },
    /// A version is one that no registry would import.
    #[error("{package}@{version} cannot be bundled")]
    NotBundled {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
        /// Why, and what to do.
        #[source]
        source: ImportRefusal,
    },
    /// The key to sign with cannot be read or made.
    #[error("cannot read or make the key that the registry signs with")]
    SigningKey(#[source] Error),
    /// A bundle cannot be made or applied.
    #[cfg(feature = "signing")]
    #[error(transparent)]
    Bundle(#[from] super::BundleError),
    /// Another process wrote to the storage while it was removed.
    #[error(
        "objects were written meanwhile ({objects}): stop every server on the storage, and run the command again"
    )]
    WrittenMeanwhile {
        /// How many there are.
        objects: u64,
    },
}

impl BulkError {
    pub(super) fn of_object(path: &BlobPath) -> impl FnOnce(BlobError) -> Self {
        let path = path.clone();
        |source| Self::Object { path, source }
    }
}
