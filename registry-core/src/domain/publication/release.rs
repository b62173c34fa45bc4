use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::packument::Person;
use crate::domain::{DistTag, Integrity, Version};

use super::Publication;

/// A checked publication without its tarball: all that a packument takes in of it. Unlike the publication it can be
/// stored, to be published later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The tag it is published under.
    pub tag: DistTag,
    /// The digest of its tarball.
    pub integrity: Integrity,
    /// The readme, which stands at the top of the packument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
    /// The name of the readme's file, where the tarball has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme_filename: Option<String>,
    /// The manifest as it is stored, without owners: those of the package as it then is are still to come.
    pub manifest: Map<String, Value>,
}

impl Publication {
    /// What a packument takes in, as published by `publisher`.
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

    /// The SHA-1 of the tarball in hex.
    pub fn shasum(&self) -> &str {
        &self.shasum
    }
}

impl Release {
    /// The same, as published by somebody else than an account, in the words that clients know for it.
    #[must_use]
    pub fn published_by(mut self, publisher: Value) -> Self {
        self.manifest.insert("_npmUser".into(), publisher);
        self
    }

    /// The same, with who let it be published. Clients trust such a version more than any other.
    #[must_use]
    pub fn approved_by(mut self, approver: &Person) -> Self {
        if let Some(Value::Object(publisher)) = self.manifest.get_mut("_npmUser") {
            publisher.insert("approver".into(), json!(approver));
        }
        self
    }
}
