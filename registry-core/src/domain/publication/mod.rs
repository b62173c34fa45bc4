//! A publish request, verified completely.
//!
//! A [`Publication`] exists only if name, version, tag, digests, length, tarball and manifest agree with one another.
//! It only remains to store it.
//!
//! ```
//! use registry_core::domain::publication::{Publication, PublishError};
//! use registry_core::domain::PackageName;
//! use registry_core::limits::Limits;
//! let name = PackageName::parse("pear").unwrap();
//! let refused = Publication::from_document(&name, br#"{"name":"apple"}"#, &Limits::default());
//! assert!(matches!(refused, Err(PublishError::OtherName { .. })));
//! ```

mod document;
mod error;
mod from_tarball;
mod imported;
mod release;
mod stored_manifest;
mod tidied;
mod verify;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{DistTag, Integrity, PackageName, TarballContents, TarballError, Version};

pub use error::PublishError;
pub use from_tarball::TarballOptions;
pub use imported::ImportRefusal;
pub(crate) use imported::ImportedVersion;
pub use release::Release;
pub(crate) use stored_manifest::hoisted_fields;

/// One version of a package, ready to be stored.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The tag to publish it under.
    pub tag: DistTag,
    /// The tarball, decoded.
    pub tarball: Bytes,
    /// The digest of the tarball.
    pub integrity: Integrity,
    /// The readme, for the top level of the packument.
    pub readme: Option<String>,
    /// Whether the package becomes private, as with `npm publish --access restricted`. It counts for the first version
    /// only, and only if the access rules do not exclude anonymous readers anyway.
    pub restricted: bool,
    /// The Sigstore bundle of its provenance, as it was attached. It is not verified yet.
    pub provenance: Option<Bytes>,
    shasum: String,
    manifest: Map<String, Value>,
    contents: TarballContents,
}
