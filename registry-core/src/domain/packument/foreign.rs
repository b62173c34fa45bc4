use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::{PackageName, Version};

use super::PackumentError;
use super::foreign_document::{Entries, ForeignDocument, ForeignManifest, text};
use super::full::{field, key};
use super::manifest::write_with_tarball;
use super::nesting::is_readable;
use super::scan::fitting;

/// Renders the document of another registry with every `dist.tarball` below `base` and every other byte of its values
/// unchanged, signatures and attestations included. Accepts both forms.
pub fn render_foreign(name: &PackageName, json: &[u8], base: &str) -> Result<Vec<u8>, PackumentError> {
    ForeignDocument::parse(name, json)?.render(base)
}

impl ForeignDocument<'_> {
    /// Renders the document with every `dist.tarball` below `base`, without versions that no client could read.
    pub fn render(&self, base: &str) -> Result<Vec<u8>, PackumentError> {
        self.write(base).map_err(|source| PackumentError { name: self.name.clone(), source })
    }

    fn write(&self, base: &str) -> Result<Vec<u8>, serde_json::Error> {
        let fields = self.fields.values().flatten();
        let length: usize = fields.chain(self.versions.0.values()).map(|value| value.get().len()).sum();
        let mut json = Vec::with_capacity(length + length / 8);
        json.push(b'{');
        // Clients know the package by its name, also where the other registry does not tell it.
        let is_named = |value: &RawValue| value.get().starts_with('"');
        let is_named = self.fields.get("name").is_some_and(|name| name.is_some_and(is_named));
        if !is_named {
            field(&mut json, "name", &self.name)?;
        }
        for (field, value) in &self.fields {
            match value {
                Some(_) if field.as_str() == "name" && !is_named => {}
                None => {
                    key(&mut json, field.as_str())?;
                    self.write_versions(&mut json, |json, version, manifest, dist| {
                        write_with_tarball(json, &self.name, version, manifest.get(), dist, base)
                    })?;
                }
                Some(value) => self.write_field(&mut json, field.as_str(), value)?,
            }
        }
        json.push(b'}');
        Ok(json)
    }

    /// Writes a field unchanged, unless clients rely on its type and it has another one.
    pub(super) fn write_field(
        &self,
        json: &mut Vec<u8>,
        name: &str,
        value: &RawValue,
    ) -> Result<(), serde_json::Error> {
        match name {
            "dist-tags" => {
                let mut tags = self.entries(name);
                let told = tags.0.len();
                tags.0.retain(|_, version| version.get().starts_with('"'));
                if tags.0.len() < told || !value.get().starts_with('{') || !is_readable(value) {
                    return field(json, name, &tags.0);
                }
                key(json, name)?;
                json.extend_from_slice(value.get().as_bytes());
                Ok(())
            }
            "time" if !value.get().starts_with('{') => Ok(()),
            "time" if !is_readable(value) => field(json, name, &self.entries(name).0),
            _ => {
                key(json, name)?;
                json.extend_from_slice(value.get().as_bytes());
                Ok(())
            }
        }
    }

    /// Writes the versions that can be served with `write`, which receives each version's `dist`.
    pub(super) fn write_versions(
        &self,
        json: &mut Vec<u8>,
        write: impl Fn(&mut Vec<u8>, &str, &RawValue, Option<&RawValue>) -> Result<(), serde_json::Error>,
    ) -> Result<(), serde_json::Error> {
        json.push(b'{');
        for (version, manifest) in &self.versions.0 {
            let Some(ForeignManifest { dist, fits }) = ForeignManifest::of(manifest) else { continue };
            key(json, version.as_str())?;
            if fits {
                write(json, version.as_str(), manifest, dist)?;
            } else {
                let manifest = fitting(manifest);
                let dist = ForeignManifest::of(&manifest).and_then(|manifest| manifest.dist);
                write(json, version.as_str(), &manifest, dist)?;
            }
        }
        json.push(b'}');
        Ok(())
    }
}

/// Returns the versions that a document lists; none if it cannot be parsed.
pub fn version_names(json: &[u8]) -> Vec<Version> {
    #[derive(Deserialize)]
    struct Versions<'json> {
        #[serde(borrow, default)]
        versions: Entries<'json>,
    }
    let versions = serde_json::from_slice::<Versions<'_>>(json).map(|document| document.versions);
    let names = versions.unwrap_or_default();
    names.0.keys().filter_map(|version| Version::parse(version.as_str()).ok()).collect()
}

/// The URLs of another registry's tarballs, and their digests.
#[derive(Debug, Clone, Default)]
pub struct ForeignTarballs {
    tarballs: HashMap<Box<str>, ForeignTarball>,
    unpublished: Option<Box<str>>,
}

/// One tarball of another registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignTarball {
    /// The address of the client.
    pub url: Box<str>,
    /// `dist.integrity`, if the document has one.
    pub integrity: Option<Box<str>>,
    /// `dist.shasum`, if the document has one.
    pub shasum: Option<Box<str>>,
}

impl ForeignTarballs {
    /// Reads them from a document of either form, omitting versions without a tarball.
    pub fn of(name: &PackageName, json: &[u8]) -> Result<Self, PackumentError> {
        let document = ForeignDocument::parse(name, json)?;
        let tarballs = document.versions.0.iter().filter_map(|(version, manifest)| {
            let dist: Entries<'_> = serde_json::from_str(ForeignManifest::of(manifest)?.dist?.get()).ok()?;
            let told = |field: &str| text(dist.0.get(field)?).map(String::into_boxed_str);
            let tarball = ForeignTarball {
                url: told("tarball")?,
                integrity: told("integrity"),
                shasum: told("shasum"),
            };
            Some((version.as_str().into(), tarball))
        });
        let tarballs = tarballs.collect();
        Ok(Self { tarballs, unpublished: document.unpublished().map(String::into_boxed_str) })
    }

    /// Returns the tarball of `version`.
    pub fn get(&self, version: &str) -> Option<&ForeignTarball> {
        self.tarballs.get(version)
    }

    /// Returns when the package was unpublished, by the registry's account, if it has no version left.
    pub fn unpublished(&self) -> Option<&str> {
        self.unpublished.as_deref()
    }

    /// The approximate memory use in bytes.
    pub(crate) fn weight(&self) -> usize {
        /// A URL, an integrity, a shasum and their map entry.
        const ONE: usize = 400;
        self.tarballs.len() * ONE
    }
}
