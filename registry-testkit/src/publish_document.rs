//! The body of `PUT /{name}` that npm sends to publish, right in every detail or wrong in exactly one.
//!
//! ```
//! use registry_testkit::publish_document::{Defect, PublishDocument};
//! let document = PublishDocument::new("@acme/one", "1.0.0");
//! assert_eq!(document.build()["dist-tags"]["latest"], "1.0.0");
//! let broken = document.clone().with(Defect::WrongShasum);
//! assert_ne!(broken.build()["versions"]["1.0.0"]["dist"]["shasum"], document.shasum());
//! ```

mod defect;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_core::domain::Integrity;
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use crate::tarball::Tarball;

pub use defect::Defect;

/// A version to publish.
#[derive(Debug, Clone)]
pub struct PublishDocument {
    name: String,
    version: String,
    tag: String,
    access: Option<String>,
    fields: Map<String, Value>,
    files: Vec<(String, Vec<u8>)>,
    tarball: Option<Vec<u8>>,
    provenance: Option<String>,
    defects: Vec<Defect>,
}

impl PublishDocument {
    /// A version with nothing in its tarball but a `package.json`, to be tagged `latest`.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "latest".to_owned(),
            access: None,
            fields: Map::new(),
            files: Vec::new(),
            tarball: None,
            provenance: None,
            defects: Vec::new(),
        }
    }

    /// To be tagged `tag` in place of `latest`.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// With `access`, as `npm publish --access` sends it.
    #[must_use]
    pub fn access(mut self, access: &str) -> Self {
        self.access = Some(access.to_owned());
        self
    }

    /// With this field in the manifest and in the tarball's `package.json`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// With this file in the tarball.
    #[must_use]
    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.files.push((path.to_owned(), content.to_vec()));
        self
    }

    /// With these bytes as its tarball, whatever they are. The digests are theirs.
    #[must_use]
    pub fn tarball_bytes(mut self, bytes: Vec<u8>) -> Self {
        self.tarball = Some(bytes);
        self
    }

    /// With this Sigstore bundle, as `npm publish --provenance` attaches it.
    #[must_use]
    pub fn provenance(mut self, bundle: &Value) -> Self {
        self.provenance = Some(bundle.to_string());
        self
    }

    /// With one thing wrong.
    #[must_use]
    pub fn with(mut self, defect: Defect) -> Self {
        self.defects.push(defect);
        self
    }

    /// The tarball that is in the document.
    pub fn tarball(&self) -> Vec<u8> {
        if let Some(bytes) = self.defects.iter().find_map(|defect| defect.tarball(&self.package_json())) {
            return bytes;
        }
        if let Some(bytes) = &self.tarball {
            return bytes.clone();
        }
        let tarball = Tarball::of_manifest(self.package_json());
        self.files.iter().fold(tarball, |tarball, (path, content)| tarball.file(path, content)).pack()
    }

    /// The right SHA-1 of the tarball, in hex.
    pub fn shasum(&self) -> String {
        const_hex::encode(Sha1::digest(self.tarball()))
    }

    /// The right integrity of the tarball.
    pub fn integrity(&self) -> String {
        Integrity::of(&self.tarball()).to_string()
    }

    /// The request's body.
    pub fn build(&self) -> Value {
        let Self { name, version, .. } = self;
        let tarball = self.tarball();
        let mut manifest = self.package_json();
        manifest["readme"] = json!(format!("# {name}\n"));
        manifest["readmeFilename"] = json!("README.md");
        manifest["_id"] = json!(format!("{name}@{version}"));
        manifest["_nodeVersion"] = json!("24.21.0");
        manifest["_npmVersion"] = json!("11.21.2");
        manifest["dist"] = json!({
            "integrity": Integrity::of(&tarball).to_string(),
            "shasum": const_hex::encode(Sha1::digest(&tarball)),
            "tarball": format!("http://registry.example/{name}/-/{name}-{version}.tgz"),
        });
        let mut document = json!({
            "_id": name,
            "name": name,
            "description": self.fields.get("description").cloned().unwrap_or_default(),
            "dist-tags": { &self.tag: version },
            "versions": { version: manifest },
            "access": self.access,
            "_attachments": {
                self.attachment(): {
                    "content_type": "application/octet-stream",
                    "data": STANDARD.encode(&tarball),
                    "length": tarball.len(),
                },
            },
        });
        if let Some(bundle) = &self.provenance {
            document["_attachments"][format!("{name}-{version}.sigstore")] = json!({
                "content_type": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "data": bundle,
                "length": bundle.len(),
            });
        }
        for defect in &self.defects {
            defect.apply(self, &mut document);
        }
        document
    }

    /// The key of the tarball under `_attachments`.
    fn attachment(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    fn package_json(&self) -> Value {
        let mut manifest = Map::new();
        manifest.insert("name".to_owned(), json!(self.name));
        manifest.insert("version".to_owned(), json!(self.version));
        manifest.extend(self.fields.clone());
        Value::Object(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_npms_shape() {
        let document = PublishDocument::new("@acme/one", "1.0.0").tag("beta").build();
        let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["_id", "name", "description", "dist-tags", "versions", "access", "_attachments"]);
        assert_eq!(document["dist-tags"], json!({ "beta": "1.0.0" }));
        assert_eq!(document["access"], Value::Null);
        let attachment = &document["_attachments"]["@acme/one-1.0.0.tgz"];
        let bytes = STANDARD.decode(attachment["data"].as_str().unwrap()).unwrap();
        assert_eq!(attachment["length"], bytes.len());
        let dist = &document["versions"]["1.0.0"]["dist"];
        assert_eq!(dist["integrity"], Integrity::of(&bytes).to_string());
        assert_eq!(dist["shasum"].as_str().unwrap().len(), 40);
    }

    #[test]
    fn every_defect_changes_the_document() {
        let right = PublishDocument::new("@acme/one", "1.0.0");
        let mut seen = vec![right.build()];
        for defect in Defect::ALL {
            let broken = right.clone().with(*defect).build();
            assert!(!seen.contains(&broken), "{defect:?} changes nothing, or the same as another");
            seen.push(broken);
        }
    }
}
