use std::io;
use std::path::{Path, PathBuf};

use crate::domain::PackageName;
use crate::signing::KeyId;

/// Why a bundle cannot be made or applied. The text is for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file cannot be read or written.
    #[error("cannot {does} {}", path.display())]
    File {
        /// `read` or `write`.
        does: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error("it is not a bundle: {reason}; give the file that `registry-server bundle create` wrote")]
    NotABundle {
        /// What a bundle would have.
        reason: &'static str,
    },
    /// A later release made it.
    #[error("its format is {format}, which this release does not read: update registry-server")]
    Format {
        /// The number of the format.
        format: u32,
    },
    /// It ends early.
    #[error("it ends after {length} of {expected} bytes: carry it over again")]
    Truncated {
        /// How long it is.
        length: u64,
        /// How long it was.
        expected: u64,
    },
    /// It has more than its manifest says.
    #[error("it has {length} bytes, and its manifest accounts for {expected}: carry it over again")]
    TooLong {
        /// How long it is.
        length: u64,
        /// How long it was.
        expected: u64,
    },
    /// The archive has something else than its manifest says.
    #[error("it is damaged at byte {at}, where {found}: carry it over again")]
    Damaged {
        /// Where.
        at: u64,
        /// What is there, and what should be.
        found: String,
    },
    /// The key that signed it is not trusted.
    #[error(
        "it is signed by the key {id}, which is not trusted here: compare the id with what `registry-server bundle key` prints \
         where the bundle was made, and name it with --key or in [bundles] trusted_keys"
    )]
    Untrusted {
        /// The key that the bundle names.
        id: KeyId,
    },
    /// The signature is not one of the manifest.
    #[error(
        "its signature does not hold: it was changed after it was signed; carry it over again, or ask who changed it"
    )]
    Signature,
    /// A trusted key signed a manifest that no release writes.
    #[error("its manifest cannot be used: {reason}; make it again")]
    Manifest {
        /// What is wrong with it.
        reason: String,
    },
    /// What an increment leaves out is not here.
    #[error(
        "it is an increment, and {package}@{version} is not here, which it leaves out: apply {base} first"
    )]
    BaseMissing {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
        /// The file that has it, or leads to the one that has it, and when it was made.
        base: String,
    },
    /// What an increment leaves out is here with another tarball.
    #[error(
        "it is an increment, and {package}@{version}, which it leaves out, has another tarball here: find out which of the two \
         is right"
    )]
    BaseDiffers {
        /// The package.
        package: PackageName,
        /// The version.
        version: String,
    },
    /// The registry cannot sign it.
    #[error("it cannot be signed")]
    Unsigned(#[from] crate::signing::SigningFailed),
    /// The runtime was shut down.
    #[error("the work broke off: run the command again")]
    BrokeOff,
    /// Some of what it needs could not be read, so it was not written.
    #[error("it would not be complete, so it was not written")]
    Incomplete,
}

impl BundleError {
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { does: "read", path, source }
    }

    pub(super) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { does: "write", path, source }
    }
}
