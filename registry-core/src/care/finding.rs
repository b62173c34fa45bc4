use std::fmt;

use serde::Serialize;

use crate::domain::PackageName;

/// Something wrong with the stored data of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The package.
    pub package: PackageName,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: FindingKind,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What is wrong with the stored data of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// The packument cannot be read.
    DamagedPackument {
        /// Why.
        reason: String,
    },
    /// The storage refuses to read the packument.
    UnreadablePackument {
        /// Why.
        reason: String,
    },
    /// The packument is gone, though the package is, or may be, hosted here.
    LostPackument,
    /// The manifest of a version does not say where its tarball is.
    DamagedManifest {
        /// The version.
        version: String,
        /// Why.
        reason: String,
    },
    /// The tarball of a version is gone.
    MissingTarball {
        /// The version.
        version: String,
        /// Where it should be.
        path: String,
    },
    /// The tarball of a version cannot be read from the storage.
    UnreadableTarball {
        /// The version.
        version: String,
        /// Where it is.
        path: String,
        /// Why.
        reason: String,
    },
    /// The bytes of a tarball are not those that were published.
    DamagedTarball {
        /// The version.
        version: String,
        /// Where it is.
        path: String,
        /// The integrity, or for want of one the SHA-1, that the packument names.
        expected: String,
        /// That of the stored bytes.
        found: String,
    },
    /// The packument names another integrity than that of the stored tarball: the packument was changed, not the tarball.
    ForeignDigest {
        /// The version.
        version: String,
        /// Where the tarball would be.
        path: String,
        /// Where a tarball of the version is.
        found: String,
    },
    /// The packument names the tarball of another package or version.
    ForeignTarball {
        /// The version.
        version: String,
        /// The tarball that it names.
        tarball: String,
    },
    /// The integrity of a version is right, and its SHA-1 is not.
    WrongShasum {
        /// The version.
        version: String,
        /// The SHA-1 that the packument names.
        expected: String,
        /// That of the stored bytes.
        found: String,
    },
    /// The packument has no digest of a version, so its tarball cannot be verified.
    NoDigest {
        /// The version.
        version: String,
    },
    /// The digest of a version is not one that clients verify signatures of: there is none, or there are several.
    NotSignable {
        /// The version.
        version: String,
    },
    /// The attestations of a version are gone, or are not those that were stored.
    LostAttestations {
        /// The version.
        version: String,
        /// Where they should be.
        path: String,
    },
    /// A dist-tag names a version that does not exist.
    DanglingTag {
        /// The tag.
        tag: String,
        /// What it names.
        version: String,
    },
    /// No packument names the tarball, and it is too old to belong to a publish in progress.
    OrphanedTarball {
        /// Where it is.
        path: String,
        /// Its size.
        bytes: u64,
    },
}

impl FindingKind {
    /// Returns what an operator can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::DamagedPackument { .. } | Self::LostPackument => {
                "no client can read the package until this is mended: restore index.json from a backup, or free the name: delete \
                 the folder of the package and its entry in _spellings/, both below objects/ in a folder"
            }
            Self::UnreadablePackument { .. } => {
                "let the user that the server runs as read it, and verify again"
            }
            Self::DamagedManifest { .. } => {
                "no client can read the package until this is mended: restore index.json from a backup"
            }
            Self::ForeignTarball { .. } => "restore index.json from a backup, or unpublish the version",
            Self::MissingTarball { .. } | Self::DamagedTarball { .. } => {
                "restore the tarball from a backup, or unpublish the version"
            }
            Self::UnreadableTarball { .. } => {
                "check the disk or the bucket, and verify again; if it stays so, restore the tarball from a backup"
            }
            Self::ForeignDigest { .. } => {
                "find out who changed index.json, and restore it from a backup; the tarball is kept"
            }
            Self::WrongShasum { .. } => {
                "restore index.json from a backup; clients that check the integrity install the version"
            }
            Self::NoDigest { .. } => {
                "compare the tarball with a backup, and publish the package again as a new version"
            }
            Self::NotSignable { .. } => {
                "publish the package again as a new version, or import the version anew"
            }
            Self::LostAttestations { .. } => {
                "restore the file from a backup; until then, npm audit signatures fails for the version"
            }
            Self::DanglingTag { .. } => {
                "--repair removes it, and points latest to the highest version; npm dist-tag add sets it"
            }
            Self::OrphanedTarball { .. } => "delete it with --repair or registry-server sweep",
        }
    }
}

/// One line: what is wrong, then what was done or is to do.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.package;
        match &self.kind {
            FindingKind::DamagedPackument { reason } => {
                write!(formatter, "{name}: index.json cannot be read ({reason})")
            }
            FindingKind::UnreadablePackument { reason } => {
                write!(formatter, "{name}: the storage refuses to read index.json ({reason})")
            }
            FindingKind::LostPackument => write!(formatter, "{name}: index.json is gone"),
            FindingKind::DamagedManifest { version, reason } => {
                write!(formatter, "{name}@{version}: the manifest is damaged ({reason})")
            }
            FindingKind::MissingTarball { version, path } => {
                write!(formatter, "{name}@{version}: the tarball {path} is gone")
            }
            FindingKind::UnreadableTarball { version, path, reason } => {
                write!(formatter, "{name}@{version}: the tarball {path} cannot be read ({reason})")
            }
            FindingKind::DamagedTarball { version, path, expected, found } => write!(
                formatter,
                "{name}@{version}: the tarball {path} is not the one that was published: its digest is {found}, and index.json \
                 names {expected}"
            ),
            FindingKind::ForeignDigest { version, path, found } => write!(
                formatter,
                "{name}@{version}: index.json names the digest of another tarball: {path} does not exist, and {found} does"
            ),
            FindingKind::ForeignTarball { version, tarball } => {
                write!(
                    formatter,
                    "{name}@{version}: index.json names a tarball of another package or version, {tarball:?}"
                )
            }
            FindingKind::WrongShasum { version, expected, found } => write!(
                formatter,
                "{name}@{version}: index.json names the SHA-1 {expected}, and that of the tarball is {found}"
            ),
            FindingKind::NotSignable { version } => {
                write!(
                    formatter,
                    "{name}@{version}: index.json does not name exactly one digest of the kind SHA-512, so it is not signed"
                )
            }
            FindingKind::LostAttestations { version, path } => {
                write!(formatter, "{name}@{version}: the attestations at {path} are missing or damaged")
            }
            FindingKind::NoDigest { version } => {
                write!(
                    formatter,
                    "{name}@{version}: index.json names no digest, so the tarball cannot be verified"
                )
            }
            FindingKind::DanglingTag { tag, version } => {
                write!(
                    formatter,
                    "{name}: the tag {tag:?} names {version:?}, which is not a version of the package"
                )
            }
            FindingKind::OrphanedTarball { path, bytes } => {
                write!(formatter, "{name}: no version has the tarball {path} ({bytes} bytes)")
            }
        }?;
        if self.repaired {
            formatter.write_str("; repaired")
        } else {
            write!(formatter, "; {}", self.kind.advice())
        }
    }
}
