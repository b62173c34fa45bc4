use serde::{Deserialize, Serialize};
use serde_json::Value;

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
}
