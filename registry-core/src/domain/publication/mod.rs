//! What a client wants to publish, checked from end to end.
//!
//! A [`Publication`] exists only if name, version, tag, digests, length, tarball and manifest agree with one
//! another. Storing it is all that is left to do.
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
mod release;
mod stored_manifest;
mod tidied;
mod verify;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{DistTag, Integrity, PackageName, TarballContents, Version};

pub use error::PublishError;
pub use from_tarball::TarballOptions;
pub use release::Release;
pub use stored_manifest::hoisted_fields;

/// One version of a package, ready to be stored.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The tag it is published under.
    pub tag: DistTag,
    /// The tarball, decoded.
    pub tarball: Bytes,
    /// The digest of the tarball.
    pub integrity: Integrity,
    /// The readme, which stands at the top of the packument.
    pub readme: Option<String>,
    /// Whether it is to be kept from those who are not signed in, as `npm publish --access restricted` says. It counts
    /// where it is the first version, and only if the rules do not keep them out anyway.
    pub restricted: bool,
    shasum: String,
    manifest: Map<String, Value>,
    contents: TarballContents,
}
