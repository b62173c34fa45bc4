use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::randomness::Randomness;
use crate::sealing::{SealingKey, SealingKeyError};

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

/// What the secrets of hooks are encrypted with: a key of AES-256-GCM.
#[derive(Debug)]
pub struct HookKey(SealingKey);

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of hooks is 32 bytes in base64: make one with `openssl rand -base64 32`")]
pub struct HookKeyError;

impl FromStr for HookKey {
    type Err = HookKeyError;

    fn from_str(text: &str) -> Result<Self, HookKeyError> {
        text.parse().map(Self).map_err(|_: SealingKeyError| HookKeyError)
    }
}

impl HookKey {
    /// Encrypts the secret of the hook `id`. `None` if that fails.
    pub(super) fn seal(&self, randomness: &dyn Randomness, id: &str, secret: &str) -> Option<String> {
        self.0.seal(randomness, id, secret.as_bytes())
    }

    /// Decrypts the secret of the hook `id`; `None` if it was encrypted with another key, or for another hook.
    pub(super) fn open(&self, id: &str, sealed: &str) -> Option<SecretString> {
        String::from_utf8(self.0.open(id, sealed)?).ok().map(SecretString::from)
    }
}
