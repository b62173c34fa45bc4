use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::KeyId;

/// What stands before the point in the SPKI of a key on P-256, in DER.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The name of both the kind and the scheme, in npm's lists.
pub(super) const KIND: &str = "ecdsa-sha2-nistp256";
/// The length of an uncompressed point.
const POINT: usize = 65;
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// The length of a line of PEM.
const LINE: usize = 64;

/// A key that verifies what the other half of it signed. See [the module](crate::signing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
}

/// Why bytes are not a public key of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The text has no public key.
    #[error("it has no `-----BEGIN PUBLIC KEY-----`: give what `registry-server bundle key` prints")]
    NoPem,
    /// The key is of another kind.
    #[error("its key is not one on the curve P-256: give what `registry-server bundle key` prints")]
    OtherKind,
}

impl PublicKey {
    pub(super) fn of_point(point: &[u8]) -> Self {
        Self { spki: [&SPKI_PREFIX, point].concat() }
    }

    /// Reads the first public key in a text. What stands outside of it is ignored.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let (_, rest) = text.split_once(BEGIN).ok_or(PublicKeyError::NoPem)?;
        let (encoded, _) = rest.split_once(END).ok_or(PublicKeyError::NoPem)?;
        Self::from_base64(&encoded.split_ascii_whitespace().collect::<String>())
    }

    /// Reads the base64 of the SPKI in DER, as npm's lists of keys have it.
    pub fn from_base64(encoded: &str) -> Result<Self, PublicKeyError> {
        let spki = STANDARD.decode(encoded).map_err(|_| PublicKeyError::OtherKind)?;
        if spki.len() != SPKI_PREFIX.len() + POINT || !spki.starts_with(&SPKI_PREFIX) {
            return Err(PublicKeyError::OtherKind);
        }
        Ok(Self { spki })
    }

    /// Returns the base64 of the SPKI in DER.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.spki)
    }

    /// Returns the key as PEM, with a line break at the end.
    pub fn pem(&self) -> String {
        let encoded = self.base64();
        let mut pem = format!("{BEGIN}\n");
        for at in (0..encoded.len()).step_by(LINE) {
            pem.push_str(&encoded[at..(at + LINE).min(encoded.len())]);
            pem.push('\n');
        }
        pem.push_str(END);
        pem.push('\n');
        pem
    }

    /// Returns the id of the key.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.spki)
    }

    /// Whether the other half of this key signed these bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = &self.spki[SPKI_PREFIX.len()..];
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
    }
}
