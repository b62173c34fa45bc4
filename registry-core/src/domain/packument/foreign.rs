use std::borrow::Cow;
use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::{PackageName, Version};

use super::full::{key, write_version_map};
use super::manifest::{ManifestView, write_manifest};
use super::{PackumentError, Text};

/// The document of another registry with every `dist.tarball` below `base` and every other byte of its values as
/// it is, signatures and attestations included. Takes both forms.
pub fn render_foreign(name: &PackageName, json: &[u8], base: &str) -> Result<Vec<u8>, PackumentError> {
    write(name, json, base).map_err(|source| PackumentError { name: name.clone(), source })
}

fn write(name: &PackageName, document: &[u8], base: &str) -> Result<Vec<u8>, serde_json::Error> {
    let fields: IndexMap<Text<'_>, &RawValue> = serde_json::from_slice(document)?;
    let mut json = Vec::with_capacity(document.len() + document.len() / 8);
    json.push(b'{');
    for (field, value) in &fields {
        key(&mut json, field.as_str())?;
        if field.as_str() == "versions" {
            let versions: IndexMap<Text<'_>, &RawValue> = serde_json::from_str(value.get())?;
            let versions = versions.iter().map(|(version, manifest)| (version.as_str(), *manifest));
            write_version_map(&mut json, versions, |json, version, manifest| {
                write_manifest(json, name, version, manifest, base)
            })?;
        } else {
            json.extend_from_slice(value.get().as_bytes());
        }
    }
    json.push(b'}');
    Ok(json)
}

/// The versions that a document lists; none if it cannot be read.
pub fn version_names(json: &[u8]) -> Vec<Version> {
    #[derive(Deserialize)]
    struct Versions<'json> {
        #[serde(borrow, default)]
        versions: IndexMap<Text<'json>, &'json RawValue>,
    }
    let versions = serde_json::from_slice::<Versions<'_>>(json).map(|document| document.versions);
    let names = versions.unwrap_or_default();
    names.keys().filter_map(|version| Version::parse(version.as_str()).ok()).collect()
}

/// Where another registry has its tarballs, and what they must be.
#[derive(Debug, Clone, Default)]
pub struct ForeignTarballs(HashMap<Box<str>, ForeignTarball>);

/// One tarball of another registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignTarball {
    /// Where it is.
    pub url: Box<str>,
    /// `dist.integrity`, where the document has one.
    pub integrity: Option<Box<str>>,
    /// `dist.shasum`, where the document has one.
    pub shasum: Option<Box<str>>,
}

#[derive(Deserialize)]
struct ForeignDist<'json> {
    #[serde(borrow)]
    tarball: Cow<'json, str>,
    #[serde(borrow)]
    integrity: Option<Cow<'json, str>>,
    #[serde(borrow)]
    shasum: Option<Cow<'json, str>>,
}

impl ForeignTarballs {
    /// Reads them out of a document of either form, leaving out versions without a tarball.
    pub fn of(name: &PackageName, json: &[u8]) -> Result<Self, PackumentError> {
        #[derive(Deserialize)]
        struct Versions<'json> {
            #[serde(borrow, default)]
            versions: IndexMap<Text<'json>, ManifestView<'json>>,
        }
        let document: Versions<'_> =
            serde_json::from_slice(json).map_err(|source| PackumentError { name: name.clone(), source })?;
        let tarballs = document.versions.iter().filter_map(|(version, manifest)| {
            let dist: ForeignDist<'_> = serde_json::from_str(manifest.dist?.get()).ok()?;
            let tarball = ForeignTarball {
                url: dist.tarball.into(),
                integrity: dist.integrity.map(Into::into),
                shasum: dist.shasum.map(Into::into),
            };
            Some((version.as_str().into(), tarball))
        });
        Ok(Self(tarballs.collect()))
    }

    /// The tarball of `version`.
    pub fn get(&self, version: &str) -> Option<&ForeignTarball> {
        self.0.get(version)
    }

    /// About how many bytes of memory this takes.
    pub fn weight(&self) -> usize {
        /// A URL, an integrity, a shasum and their map entry.
        const ONE: usize = 400;
        self.0.len() * ONE
    }
}
