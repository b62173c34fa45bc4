use registry_core::domain::Integrity;
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use super::publish_document;
use super::publisher::dependencies;

/// A package of another registry, as large as wanted. Only its first version has a tarball.
///
/// ```
/// use registry_testkit::benchmark::SyntheticPackage;
/// let package = SyntheticPackage::new("pear", 3, 1000);
/// assert!(package.tarball.len() > 1000);
/// let packument = package.packument("http://127.0.0.1:4873");
/// assert_eq!(packument["dist-tags"]["latest"], "1.0.2");
/// assert_eq!(packument["versions"]["1.0.0"]["dist"]["tarball"], "http://127.0.0.1:4873/pear/-/pear-1.0.0.tgz");
/// ```
#[derive(Debug, Clone)]
pub struct SyntheticPackage {
    /// Its name, without a scope.
    pub name: String,
    /// How many versions it has, from 1.0.0 to 1.0.N.
    pub versions: usize,
    /// The tarball of version 1.0.0.
    pub tarball: Vec<u8>,
}

impl SyntheticPackage {
    /// A package whose tarball has a file of so many bytes that do not compress.
    pub fn new(name: &str, versions: usize, file_bytes: usize) -> Self {
        let tarball = publish_document(name, "1.0.0", file_bytes).tarball();
        Self { name: name.to_owned(), versions, tarball }
    }

    /// Its full packument at a registry with this URL.
    pub fn packument(&self, base_url: &str) -> Value {
        let Self { name, tarball, .. } = self;
        let (mut versions, mut time) = (Map::new(), Map::new());
        for number in 0..self.versions {
            let version = format!("1.0.{number}");
            let published = format!("2020-01-01T{:02}:{:02}:00.000Z", number / 60 % 24, number % 60);
            // Digests do not compress, and are most of what is left of a packument that is compressed.
            let bytes = if number == 0 { tarball.as_slice() } else { version.as_bytes() };
            let (integrity, shasum) = (Integrity::of(bytes), const_hex::encode(Sha1::digest(bytes)));
            let dist = json!({
                "integrity": integrity.to_string(),
                "shasum": shasum,
                "tarball": format!("{base_url}/{name}/-/{name}-{version}.tgz"),
            });
            let manifest = json!({
                "name": name,
                "version": version,
                "description": "A package that stands for all the others while the registry is measured.",
                "keywords": ["pear", "orchard", "benchmark"],
                "license": "MIT",
                "author": { "name": "Ana", "email": "ana@pear.example" },
                "repository": { "type": "git", "url": "git+https://git.example/orchard/pear.git" },
                "scripts": { "test": "node --test", "build": "tsc --project tsconfig.json" },
                "engines": { "node": ">=20" },
                "dependencies": dependencies(0..12),
                "devDependencies": dependencies(12..24),
                "dist": dist,
                "_id": format!("{name}@{version}"),
                "_nodeVersion": "24.21.0",
                "_npmVersion": "11.21.2",
                "gitHead": shasum,
            });
            time.insert(version.clone(), json!(published));
            versions.insert(version, manifest);
        }
        let last = format!("1.0.{}", self.versions.saturating_sub(1));
        time.insert("created".to_owned(), json!("2020-01-01T00:00:00.000Z"));
        time.insert("modified".to_owned(), json!("2020-01-02T00:00:00.000Z"));
        json!({
            "_id": name,
            "name": name,
            "dist-tags": { "latest": last },
            "versions": versions,
            "time": time,
            "readme": "# Pear\n".repeat(20),
        })
    }

    /// What clients ask for as they install: of the packument, what an install needs.
    pub fn abbreviated(packument: &Value) -> Value {
        const KEPT: [&str; 7] =
            ["name", "version", "dependencies", "devDependencies", "engines", "dist", "deprecated"];
        let mut versions = packument["versions"].clone();
        for manifest in versions.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(manifest) = manifest.as_object_mut() {
                manifest.retain(|field, _| KEPT.contains(&field.as_str()));
            }
        }
        json!({
            "name": packument["name"],
            "modified": packument["time"]["modified"],
            "dist-tags": packument["dist-tags"],
            "versions": versions,
        })
    }
}
