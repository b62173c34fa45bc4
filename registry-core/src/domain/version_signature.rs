use serde::{Deserialize, Serialize};

/// A signature, as `dist.signatures` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSignature {
    /// The id of the key: `SHA256:` and the base64 of the SHA-256 of its SPKI.
    pub keyid: String,
    /// The base64 of the signature in DER.
    pub sig: String,
}
