//! Bundles: what an install of exactly some lock files needs, in one signed file, to be carried to a registry that no other
//! registry reaches.
//!
//! A bundle is a tar: `bundle.json`, which lists every other file with its size and digest, `bundle.json.sig`, which signs
//! it, then packuments that are cut to the versions in it, then tarballs. Nothing of it is used before the signature is
//! proven, and nothing is imported before every byte is compared.

mod apply;
mod archive;
mod blocks;
mod create;
mod error;
mod manifest;
mod read;
mod reader;
mod source;
mod temporary;
mod writer;

use std::fmt;
use std::path::PathBuf;

use crate::domain::lockfile::LockedPackage;
use crate::domain::{Integrity, PackageName, Version};
use crate::signing::KeyId;

use manifest::BundleBase;

pub use apply::ApplyOptions;
pub use create::BundleBuilder;
pub use error::BundleError;
pub use reader::{Bundle, CheckedBundle};

/// What the `dist.tarball` of a packument in a bundle begins with.
const BASE: &str = "bundle:";

/// What a bundle is made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BundleOptions {
    /// The versions that it is for, with the integrity that lock files have of them.
    pub packages: Vec<LockedPackage>,
    /// The bundle that is there already, for one that has only what that and what it was based on do not have.
    pub base: Option<Bundle>,
    /// The file to write.
    pub output: PathBuf,
}

impl BundleOptions {
    /// Options for a whole bundle of these versions.
    pub fn new(packages: Vec<LockedPackage>, output: PathBuf) -> Self {
        Self { packages, base: None, output }
    }
}

/// A version that was read for a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundledVersion {
    /// The package.
    pub package: PackageName,
    /// The version.
    pub version: Version,
    /// How many bytes its tarball has.
    pub bytes: u64,
    /// Whether the base has it, so that it is left out.
    pub is_in_base: bool,
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenBundle {
    /// How many bytes it has.
    pub bytes: u64,
    /// The digest of its `bundle.json`, by which an increment names it.
    pub integrity: Integrity,
    /// The key that signed it.
    pub key: KeyId,
}

impl fmt::Display for BundleBase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, which was made at {},", self.file, crate::clock::timestamp(self.created))
    }
}
