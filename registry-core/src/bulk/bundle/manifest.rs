use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Integrity, PackageName, Version};

use super::BundleError;

/// The format that this release writes and reads.
pub(super) const FORMAT: u32 = 1;

/// `bundle.json`: everything that the bundle promises. What it says is proven by the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BundleManifest {
    pub(super) format: u32,
    pub(super) created: DateTime<Utc>,
    /// The bundle that an increment goes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<BundleBase>,
    pub(super) packages: Vec<PackageEntry>,
}

/// The bundle that an increment goes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleBase {
    /// The name of its file when the increment was made.
    pub(super) file: String,
    /// When it was made.
    pub(super) created: DateTime<Utc>,
    /// The digest of its `bundle.json`.
    pub(super) integrity: Integrity,
}

/// A package, with the versions of it that an install needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageEntry {
    pub(super) name: PackageName,
    pub(super) packument: FileEntry,
    pub(super) versions: Vec<VersionEntry>,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionEntry {
    pub(super) version: Version,
    pub(super) tarball: FileEntry,
}

/// A file of the bundle, or of the one that it goes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// Where the archive has it; `None` if the base has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    pub(super) size: u64,
    pub(super) integrity: Integrity,
}

/// What a file is. Its path follows from that and from its digest, so that no name of a package or of an attacker becomes
/// a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Packument,
    Tarball,
}

impl FileKind {
    pub(super) fn path(self, integrity: &Integrity) -> String {
        let digest = const_hex::encode(&integrity.sha512()[..32]);
        match self {
            Self::Packument => format!("packuments/{digest}.json"),
            Self::Tarball => format!("tarballs/{digest}.tgz"),
        }
    }
}

impl FileEntry {
    /// A file that the archive has.
    pub(super) fn held(kind: FileKind, size: u64, integrity: Integrity) -> Self {
        Self { path: Some(kind.path(&integrity)), size, integrity }
    }

    /// A file that the base has.
    pub(super) fn in_base(size: u64, integrity: Integrity) -> Self {
        Self { path: None, size, integrity }
    }
}

impl BundleManifest {
    /// Reads a manifest whose signature is proven, and checks that no two of its entries are the same, and that each has
    /// the path that it must have.
    pub(super) fn parse(json: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let invalid = |reason: String| BundleError::Manifest { reason };
        let Format { format } = serde_json::from_slice(json).map_err(|error| invalid(error.to_string()))?;
        if format != FORMAT {
            return Err(BundleError::Format { format });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|error| invalid(error.to_string()))?;
        let (mut names, mut paths) = (HashSet::new(), HashSet::new());
        for package in &manifest.packages {
            let name = &package.name;
            if !names.insert(name.as_str()) {
                return Err(invalid(format!("it has {name} twice")));
            }
            let mut versions = HashSet::new();
            if let Some(twice) =
                package.versions.iter().find(|entry| !versions.insert(entry.version.as_str()))
            {
                return Err(invalid(format!("it has {name}@{} twice", twice.version)));
            }
            if package.versions.is_empty() {
                return Err(invalid(format!("it has no version of {name}")));
            }
        }
        for (kind, file) in manifest.files() {
            let Some(path) = &file.path else {
                if manifest.base.is_some() {
                    continue;
                }
                return Err(invalid("it leaves files out, and names no base".to_owned()));
            };
            if *path != kind.path(&file.integrity) {
                return Err(invalid(format!(
                    "it has an entry at {path:?}, which is not where such a file is"
                )));
            }
            if !paths.insert(path) {
                return Err(invalid(format!("it has {path} twice")));
            }
        }
        Ok(manifest)
    }

    /// Returns all files: the packuments, then the tarballs.
    pub(super) fn files(&self) -> impl Iterator<Item = (FileKind, &FileEntry)> {
        let packuments = self.packages.iter().map(|package| (FileKind::Packument, &package.packument));
        let versions = self.packages.iter().flat_map(|package| &package.versions);
        packuments.chain(versions.map(|version| (FileKind::Tarball, &version.tarball)))
    }

    /// Returns the files that the archive has, in its order, each with its path.
    pub(super) fn held_files(&self) -> impl Iterator<Item = (&str, &FileEntry)> {
        self.files().filter_map(|(_, file)| Some((file.path.as_deref()?, file)))
    }
}
