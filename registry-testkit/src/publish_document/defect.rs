use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::PublishDocument;
use crate::tarball::{Tarball, gzip};

/// One thing that is wrong with a publish document. A registry refuses each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// `dist.shasum` is that of other bytes.
    WrongShasum,
    /// `dist.integrity` is that of other bytes.
    WrongIntegrity,
    /// The attachment says it is one byte longer than it is.
    WrongLength,
    /// The attachment's base64 stops in the middle.
    TruncatedBase64,
    /// There is no attachment.
    NoAttachment,
    /// There is a second tarball.
    ExtraAttachment,
    /// There is a second version.
    SecondVersion,
    /// There is no version.
    NoVersion,
    /// The document's `name` is another than that of the version.
    OtherName,
    /// The version's key is another than the version in it.
    OtherVersionKey,
    /// The dist-tag names a version that is not in the document.
    TagElsewhere,
    /// The dist-tag reads as a range of versions.
    TagIsRange,
    /// The tarball's `package.json` has another name.
    OtherNameInTarball,
    /// The tarball's `package.json` has another version.
    OtherVersionInTarball,
    /// The tarball's `package.json` has a dependency that the manifest keeps quiet about.
    HiddenDependencyInTarball,
    /// The tarball's `package.json` has an install script that the manifest keeps quiet about.
    HiddenScriptInTarball,
    /// The tarball has no `package.json`.
    NoManifestInTarball,
    /// The tarball's `package.json` is no JSON.
    BrokenManifestInTarball,
    /// The tarball is no gzip.
    NotGzip,
    /// The tarball is gzip, and in it is no tar.
    NotTar,
    /// The tarball stops in the middle.
    TruncatedTarball,
}

impl Defect {
    /// All places.
    pub const ALL: &[Self] = &[
        Self::WrongShasum,
        Self::WrongIntegrity,
        Self::WrongLength,
        Self::TruncatedBase64,
        Self::NoAttachment,
        Self::ExtraAttachment,
        Self::SecondVersion,
        Self::NoVersion,
        Self::OtherName,
        Self::OtherVersionKey,
        Self::TagElsewhere,
        Self::TagIsRange,
        Self::OtherNameInTarball,
        Self::OtherVersionInTarball,
        Self::HiddenDependencyInTarball,
        Self::HiddenScriptInTarball,
        Self::NoManifestInTarball,
        Self::BrokenManifestInTarball,
        Self::NotGzip,
        Self::NotTar,
        Self::TruncatedTarball,
    ];

    /// The tarball with this defect, where the defect is in the tarball. The digests in the document are right for it.
    pub(super) fn tarball(self, package_json: &Value) -> Option<Vec<u8>> {
        let changed = |change: fn(&mut Value)| {
            let mut manifest = package_json.clone();
            change(&mut manifest);
            Tarball::of_manifest(manifest).pack()
        };
        Some(match self {
            Self::OtherNameInTarball => changed(|manifest| manifest["name"] = json!("another-package")),
            Self::OtherVersionInTarball => changed(|manifest| manifest["version"] = json!("999.0.0")),
            Self::HiddenDependencyInTarball => {
                changed(|manifest| manifest["dependencies"] = json!({ "hidden": "1.0.0" }))
            }
            Self::HiddenScriptInTarball => {
                changed(|manifest| manifest["scripts"] = json!({ "postinstall": "node hidden.js" }))
            }
            Self::NoManifestInTarball => Tarball::without_manifest().file("index.js", b"").pack(),
            Self::BrokenManifestInTarball => Tarball::without_manifest().file("package.json", b"{").pack(),
            Self::NotGzip => b"this is no tarball".to_vec(),
            Self::NotTar => gzip(b"this is no tar"),
            Self::TruncatedTarball => {
                let mut tarball = Tarball::of_manifest(package_json.clone()).pack();
                tarball.truncate(tarball.len() / 2);
                tarball
            }
            _ => return None,
        })
    }

    /// Puts this defect into a document, where the defect is not in the tarball.
    pub(super) fn apply(self, of: &PublishDocument, document: &mut Value) {
        let version = of.version.as_str();
        let attachment = of.attachment();
        match self {
            Self::WrongShasum => document["versions"][version]["dist"]["shasum"] = json!("0".repeat(40)),
            Self::WrongIntegrity => {
                let integrity = format!("sha512-{}", STANDARD.encode([0; 64]));
                document["versions"][version]["dist"]["integrity"] = json!(integrity);
            }
            Self::WrongLength => {
                document["_attachments"][&attachment]["length"] = json!(of.tarball().len() + 1);
            }
            Self::TruncatedBase64 => {
                let mut data = STANDARD.encode(of.tarball());
                data.truncate(data.len() / 8 * 4 + 1);
                document["_attachments"][&attachment]["data"] = json!(data);
            }
            Self::NoAttachment => document["_attachments"] = json!({}),
            Self::ExtraAttachment => {
                let copy = document["_attachments"][&attachment].clone();
                document["_attachments"]["another-1.0.0.tgz"] = copy;
            }
            Self::SecondVersion => {
                let mut copy = document["versions"][version].clone();
                copy["version"] = json!("999.0.0");
                document["versions"]["999.0.0"] = copy;
            }
            Self::NoVersion => document["versions"] = json!({}),
            Self::OtherName => document["name"] = json!("another-package"),
            Self::OtherVersionKey => {
                let manifest = document["versions"][version].clone();
                document["versions"] = json!({ "999.0.0": manifest });
            }
            Self::TagElsewhere => document["dist-tags"] = json!({ &of.tag: "999.0.0" }),
            Self::TagIsRange => document["dist-tags"] = json!({ "1.x": version }),
            _ => {}
        }
    }
}
