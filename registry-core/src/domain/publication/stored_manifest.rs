use serde_json::{Map, Value, json};

use crate::domain::packument::{Person, tarball_path};

use super::Publication;

/// The top-level fields of a packument that come from the manifest that `latest` names.
const HOISTED: [&str; 8] =
    ["description", "keywords", "license", "homepage", "repository", "bugs", "author", "contributors"];

/// The underscored fields that are accepted from clients.
const KEPT_UNDERSCORED: [&str; 3] = ["_id", "_nodeVersion", "_npmVersion"];

impl Publication {
    /// The origins from which an `npm-shrinkwrap.json` in the tarball takes packages.
    pub(crate) fn shrinkwrap_origins(&self) -> impl Iterator<Item = &str> {
        self.contents.shrinkwrap_origins.iter().map(String::as_str)
    }

    /// Returns the manifest as stored: as published, without fields that clients must not decide, and with the verified
    /// ones.
    pub(super) fn stored_manifest(&self, publisher: &Person, maintainers: &[Person]) -> Map<String, Value> {
        let mut manifest = self.manifest.clone();
        manifest.retain(|field, value| match field.as_str() {
            "readme" | "dist" | "maintainers" => false,
            "deprecated" => value.as_str().is_some_and(|message| !message.is_empty()),
            _ => !field.starts_with('_') || KEPT_UNDERSCORED.contains(&field.as_str()),
        });
        manifest.insert("_id".into(), format!("{}@{}", self.name, self.version).into());
        manifest.insert("_npmUser".into(), json!(publisher));
        manifest.insert("maintainers".into(), json!(maintainers));
        if self.contents.has_shrinkwrap {
            manifest.insert("_hasShrinkwrap".into(), true.into());
        }
        manifest.insert(
            "dist".into(),
            json!({
                "integrity": self.integrity.to_string(),
                "shasum": self.shasum,
                "tarball": tarball_path(&self.name, self.version.as_str()),
                "fileCount": self.contents.file_count,
                "unpackedSize": self.contents.unpacked_size,
            }),
        );
        manifest
    }
}

/// Returns the fields of a manifest that appear at the top of the packument while `latest` names it, absent ones as
/// `None`, since these must be removed if the previous version had them.
pub(crate) fn hoisted_fields(
    manifest: &Map<String, Value>,
) -> impl Iterator<Item = (&'static str, Option<&Value>)> {
    HOISTED.iter().map(|field| (*field, manifest.get(*field)))
}
