//! Encrypts small secrets before they are stored: AES-256-GCM with a random nonce.
#![cfg_attr(not(feature = "signing"), expect(unreachable_pub, reason = "the settings of signing name them"))]

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::randomness::{Randomness, random_bytes};

/// The length of a key in bytes.
const KEY_BYTES: usize = 32;

/// A key of AES-256-GCM.
pub struct SealingKey(LessSafeKey);

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is 32 bytes in base64: make one with `openssl rand -base64 32`")]
pub struct SealingKeyError;

impl FromStr for SealingKey {
    type Err = SealingKeyError;

    fn from_str(text: &str) -> Result<Self, SealingKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| SealingKeyError)?;
        if bytes.len() != KEY_BYTES {
            return Err(SealingKeyError);
        }
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealingKeyError)?;
        Ok(Self(LessSafeKey::new(key)))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealingKey")
    }
}

impl SealingKey {
    /// Encrypts a secret for `purpose`: base64 of a random nonce, the ciphertext and its tag. `None` if that fails.
    pub(crate) fn seal(&self, randomness: &dyn Randomness, purpose: &str, secret: &[u8]) -> Option<String> {
        let nonce = random_bytes::<NONCE_LEN>(randomness);
        let mut bytes = secret.to_vec();
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(sealing, Aad::from(purpose), &mut bytes).ok()?;
        Some(STANDARD.encode([&nonce[..], &bytes].concat()))
    }

    /// Decrypts a secret for `purpose`; `None` if it was encrypted with another key, or for another purpose.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let opened =
            self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose), &mut sealed);
        opened.ok().map(|opened| opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn a_secret_opens_with_its_key_and_for_its_purpose_alone() {
        let key: SealingKey = STANDARD.encode([7; KEY_BYTES]).parse().unwrap();
        let other: SealingKey = STANDARD.encode([8; KEY_BYTES]).parse().unwrap();
        let sealed = key.seal(&SystemRandomness, "one", b"swordfish").unwrap();
        assert!(!sealed.contains("swordfish"));
        assert_eq!(key.open("one", &sealed).unwrap(), b"swordfish");
        assert!(key.open("two", &sealed).is_none() && other.open("one", &sealed).is_none());
        assert!(key.open("one", "").is_none() && key.open("one", &STANDARD.encode([1; 20])).is_none());
    }

    #[test]
    fn a_short_key_is_none() {
        for text in ["", "swordfish", "c2hvcnQ="] {
            assert!(text.parse::<SealingKey>().is_err(), "{text}");
        }
    }
}
