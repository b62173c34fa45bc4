use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a token's secret. It reveals nothing of the secret, which has 214 random bits, so it is also the id
/// that the token is listed and revoked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret()).into())
    }

    /// Parses an id; `None` if it is malformed.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        const_hex::decode_to_array(text).ok().filter(|_| lower).map(Self)
    }

    pub(crate) fn to_hex(self) -> String {
        const_hex::encode(self.0)
    }
}
