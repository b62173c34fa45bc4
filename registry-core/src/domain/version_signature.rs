use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A signature, as `dist.signatures` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSignature {
    /// The id of the key: `SHA256:` and the base64 of the SHA-256 of its SPKI.
    pub keyid: String,
    /// The base64 of the signature in DER.
    pub sig: String,
}

impl VersionSignature {
    /// Whether `dist.signatures`, in whatever form it is, lists any.
    pub(crate) fn are_listed(signatures: Option<&Value>) -> bool {
        signatures.and_then(Value::as_array).is_some_and(|signatures| !signatures.is_empty())
    }

    /// Makes this the only signature of a `dist`. Those before stay in `sourceSignatures`, which no client reads.
    pub(crate) fn replace_in(&self, dist: &mut Map<String, Value>) {
        let others = dist.insert("signatures".into(), json!([self]));
        if let Some(others) = others.filter(|others| Self::are_listed(Some(others))) {
            dist.insert("sourceSignatures".into(), others);
        }
    }

    /// Returns the signatures that `dist.signatures`, in whatever form it is, lists.
    pub(crate) fn list_of(signatures: Option<&Value>) -> Vec<Self> {
        let signatures = signatures.and_then(Value::as_array).into_iter().flatten();
        signatures.filter_map(|signature| Self::deserialize(signature).ok()).collect()
    }
}
