//! What a log has written down, compared with the bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::base64_text::Base64;
use super::bundle::{Envelope, LogEntry};

/// What an entry says about a signature.
struct Logged {
    /// The SHA-256 of the statement, or of what is signed of it.
    sha256: Vec<u8>,
    signature: Vec<u8>,
    /// In DER.
    certificate: Vec<u8>,
}

impl LogEntry {
    /// Whether the entry is of this statement, this signature and this certificate.
    pub(super) fn is_of(&self, envelope: &Envelope, certificate: &[u8]) -> bool {
        self.logged().is_some_and(|logged| {
            let is_of_payload = logged.sha256 == Sha256::digest(&envelope.payload.0)[..]
                || logged.sha256 == Sha256::digest(envelope.signed())[..];
            is_of_payload && logged.signature == envelope.signature() && logged.certificate == certificate
        })
    }

    fn logged(&self) -> Option<Logged> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            kind: String,
            api_version: String,
            spec: Value,
        }

        let Body { kind, api_version, spec } = serde_json::from_slice(&self.canonicalized_body.0).ok()?;
        if kind != self.kind_version.kind || api_version != self.kind_version.version {
            return None;
        }
        match (kind.as_str(), api_version.as_str()) {
            ("dsse", "0.0.1") => {
                let [only] = &spec["signatures"].as_array()?[..] else { return None };
                Some(Logged {
                    sha256: sha256(&spec["payloadHash"])?,
                    signature: decode(&only["signature"])?,
                    certificate: certificate(&decode(&only["verifier"])?)?,
                })
            }
            ("intoto", "0.0.2") => {
                let content = &spec["content"];
                let [only] = &content["envelope"]["signatures"].as_array()?[..] else { return None };
                Some(Logged {
                    sha256: sha256(&content["payloadHash"])?,
                    // The log encodes what is base64 already.
                    signature: STANDARD.decode(decode(&only["sig"])?).ok()?,
                    certificate: certificate(&decode(&only["publicKey"])?)?,
                })
            }
            ("dsse", "0.0.2") => {
                let spec = &spec["dsseV002"];
                let [only] = &spec["signatures"].as_array()?[..] else { return None };
                let hash = &spec["payloadHash"];
                (hash["algorithm"] == "SHA2_256").then_some(())?;
                Some(Logged {
                    sha256: decode(&hash["digest"])?,
                    signature: decode(&only["content"])?,
                    certificate: decode(&only["verifier"]["x509Certificate"]["rawBytes"])?,
                })
            }
            ("hashedrekord", "0.0.2") => {
                let spec = &spec["hashedRekordV002"];
                (spec["data"]["algorithm"] == "SHA2_256").then_some(())?;
                Some(Logged {
                    sha256: decode(&spec["data"]["digest"])?,
                    signature: decode(&spec["signature"]["content"])?,
                    certificate: decode(&spec["signature"]["verifier"]["x509Certificate"]["rawBytes"])?,
                })
            }
            _ => None,
        }
    }
}

fn sha256(hash: &Value) -> Option<Vec<u8>> {
    let is_sha256 = hash["algorithm"] == "sha256";
    is_sha256.then(|| const_hex::decode(hash["value"].as_str()?).ok())?
}

fn decode(value: &Value) -> Option<Vec<u8>> {
    Base64::deserialize(value).ok().map(|bytes| bytes.0)
}

/// Reads the first certificate of a PEM.
fn certificate(pem: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = std::str::from_utf8(pem).ok()?.split_once("-----BEGIN CERTIFICATE-----")?;
    let (encoded, _) = rest.split_once("-----END CERTIFICATE-----")?;
    STANDARD.decode(encoded.split_ascii_whitespace().collect::<String>()).ok()
}
