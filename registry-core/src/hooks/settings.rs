use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::SecretString;

use crate::randomness::{Randomness, random_bytes};

/// The length of a key in bytes.
const KEY_BYTES: usize = 32;

/// How hooks of accounts work.
#[derive(Debug)]
#[non_exhaustive]
pub struct HookSettings {
    /// What the secrets of hooks are encrypted with in the store. All processes on the store need the same one.
    pub key: HookKey,
    /// Whether an endpoint may be at an address of a private network or of this machine. Default: no.
    pub allow_private_addresses: bool,
    /// The most hooks of an account. Default: 100.
    pub per_account: usize,
    /// How long a change is tried again before it is given up. Default: one day.
    pub give_up_after: Duration,
}

impl HookSettings {
    /// Settings with the defaults.
    pub fn new(key: HookKey) -> Self {
        Self {
            key,
            allow_private_addresses: false,
            per_account: 100,
            give_up_after: Duration::from_hours(24),
        }
    }
}

/// A key of AES-256-GCM.
pub struct HookKey(LessSafeKey);

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of hooks is 32 bytes in base64: make one with `openssl rand -base64 32`")]
pub struct HookKeyError;

impl FromStr for HookKey {
    type Err = HookKeyError;

    fn from_str(text: &str) -> Result<Self, HookKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| HookKeyError)?;
        if bytes.len() != KEY_BYTES {
            return Err(HookKeyError);
        }
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| HookKeyError)?;
        Ok(Self(LessSafeKey::new(key)))
    }
}

impl fmt::Debug for HookKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HookKey")
    }
}

impl HookKey {
    /// Encrypts the secret of the hook `id`: base64 of a random nonce, the ciphertext and its tag. `None` if that fails.
    pub(super) fn seal(&self, randomness: &dyn Randomness, id: &str, secret: &str) -> Option<String> {
        let nonce = random_bytes::<NONCE_LEN>(randomness);
        let mut bytes = secret.as_bytes().to_vec();
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(sealing, Aad::from(id), &mut bytes).ok()?;
        Some(STANDARD.encode([&nonce[..], &bytes].concat()))
    }

    /// Decrypts the secret of the hook `id`; `None` if it was encrypted with another key, or for another hook.
    pub(super) fn open(&self, id: &str, sealed: &str) -> Option<SecretString> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(id), &mut sealed);
        std::str::from_utf8(opened.ok()?).ok().map(SecretString::from)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn a_secret_opens_with_its_key_and_for_its_hook_alone() {
        let key: HookKey = STANDARD.encode([7; KEY_BYTES]).parse().unwrap();
        let other: HookKey = STANDARD.encode([8; KEY_BYTES]).parse().unwrap();
        let sealed = key.seal(&SystemRandomness, "one", "swordfish").unwrap();
        assert!(!sealed.contains("swordfish"));
        assert_eq!(key.open("one", &sealed).unwrap().expose_secret(), "swordfish");
        assert!(key.open("two", &sealed).is_none() && other.open("one", &sealed).is_none());
        assert!(key.open("one", "").is_none() && key.open("one", &STANDARD.encode([1; 20])).is_none());
    }

    #[test]
    fn a_short_key_is_none() {
        for text in ["", "swordfish", "c2hvcnQ="] {
            assert!(text.parse::<HookKey>().is_err(), "{text}");
        }
    }
}
