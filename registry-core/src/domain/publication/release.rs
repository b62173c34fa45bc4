use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::packument::Person;
use crate::domain::provenance::RecordedAttestations;
use crate::domain::{DistTag, Integrity, Version, VersionSignature};

use super::Publication;

/// A verified publication without its tarball: the part that a packument records. Unlike the publication it can be
/// stored, and published later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The tag to publish it under.
    pub tag: DistTag,
    /// The digest of its tarball.
    pub integrity: Integrity,
    /// The readme, for the top level of the packument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
    /// The name of the readme's file, if the tarball has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme_filename: Option<String>,
    /// The manifest as stored, without owners: those of the package are added on publish.
    pub manifest: Map<String, Value>,
}

impl Publication {
    /// Returns the part that a packument records, with `publisher`.
    pub fn release(&self, publisher: &Person) -> Release {
        Release {
            version: self.version.clone(),
            tag: self.tag.clone(),
            integrity: self.integrity.clone(),
            readme: self.readme.clone(),
            readme_filename: self.contents.readme.as_ref().map(|(filename, _)| filename.clone()),
            manifest: self.stored_manifest(publisher, &[]),
        }
    }

    /// Returns the SHA-1 of the tarball in hex.
    pub fn shasum(&self) -> &str {
        &self.shasum
    }
}

impl Release {
    /// Adds the registry's signature, if it signs.
    #[must_use]
    pub(crate) fn signed(mut self, signature: Option<&VersionSignature>) -> Self {
        if let (Some(signature), Some(Value::Object(dist))) = (signature, self.manifest.get_mut("dist")) {
            dist.insert("signatures".into(), json!([signature]));
        }
        self
    }

    /// Adds where its attestations are. Clients take `provenance` for provenance that the registry verified, so that what was
    /// only found consistent stands under another name.
    #[must_use]
    pub(crate) fn attested(mut self, attestations: Option<&RecordedAttestations>) -> Self {
        if let (Some(recorded), Some(Value::Object(dist))) = (attestations, self.manifest.get_mut("dist")) {
            let kind = if recorded.is_trusted { "provenance" } else { "unverifiedProvenance" };
            let integrity = recorded.integrity.to_string();
            let predicate = json!({ "predicateType": recorded.predicate_type });
            // The URL is completed when the document is rendered.
            dist.insert("attestations".into(), json!({ "url": "", kind: predicate, "integrity": integrity }));
        }
        self
    }

    /// Replaces the publisher by one that is not an account, in the format that clients know.
    #[must_use]
    pub(crate) fn published_by(mut self, publisher: Value) -> Self {
        self.manifest.insert("_npmUser".into(), publisher);
        self
    }

    /// Adds the account that approved it. Clients trust such a version more than any other.
    #[must_use]
    pub(crate) fn approved_by(mut self, approver: &Person) -> Self {
        if let Some(Value::Object(publisher)) = self.manifest.get_mut("_npmUser") {
            publisher.insert("approver".into(), json!(approver));
        }
        self
    }
}
