use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::BoxError;
use crate::randomness::Randomness;
use crate::sealing::SealingKey;
use crate::storage::Blob;
use crate::vocabulary::ListedKey;

use super::public_key::KIND;
use super::{KeyId, PublicKey, SigningFailed, SigningKey};

/// The stored document. A list, so that a key can be followed by the next one, and verify what it signed.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct KeyList {
    pub(super) keys: Vec<KeyRecord>,
}

/// One key. The names of the fields are those of npm's lists of keys, as far as these have them.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) keyid: KeyId,
    keytype: String,
    scheme: String,
    /// The base64 of the SPKI.
    key: String,
    pub(super) created: DateTime<Utc>,
    /// When the key is no longer signed with.
    pub(super) expires: Option<DateTime<Utc>>,
    /// Absent if the key is kept elsewhere.
    #[serde(rename = "private-key", default, skip_serializing_if = "Option::is_none")]
    private_key: Option<PrivateKey>,
}

/// The half that signs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PrivateKey {
    /// The base64 of the key in PKCS #8, as it is.
    Pkcs8(String),
    /// The key in PKCS #8, encrypted for its id.
    SealedPkcs8(String),
}

/// Why a stored key cannot be used.
#[derive(Debug, thiserror::Error)]
enum UnusableKey {
    #[error(
        "the signing key {0} in the storage is encrypted: give the secret that it was encrypted with, in secret_env or secret_file under [signing]"
    )]
    NoSecret(KeyId),
    #[error(
        "the signing key {0} in the storage was encrypted with another secret: give that one, in secret_env or secret_file under [signing]"
    )]
    OtherSecret(KeyId),
}

impl KeyList {
    pub(super) fn parse(stored: &Blob) -> Result<Self, Error> {
        serde_json::from_slice(&stored.bytes).map_err(|error| Error::Damaged(error.into()))
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec_pretty(self).map_err(Error::internal)
    }

    /// Returns the newest key in the store that has not expired.
    pub(super) fn newest(&self, now: DateTime<Utc>) -> Option<&KeyRecord> {
        let mut valid = self.keys.iter().rev().filter(|key| key.is_valid(now));
        valid.find(|key| key.private_key.is_some())
    }

    pub(super) fn listed(&self) -> Vec<ListedKey> {
        let listed = |key: &KeyRecord| ListedKey {
            expires: key.expires,
            keyid: key.keyid.to_string(),
            keytype: key.keytype.clone(),
            scheme: key.scheme.clone(),
            key: key.key.clone(),
        };
        self.keys.iter().map(listed).collect()
    }

    /// Makes a key, and adds it.
    pub(super) fn add_new(
        &mut self,
        now: DateTime<Utc>,
        secret: Option<(&SealingKey, &dyn Randomness)>,
    ) -> Result<SigningKey, Error> {
        let pkcs8 = SigningKey::generate().map_err(Error::internal)?;
        let made = SigningKey::from_pkcs8(&pkcs8).map_err(Error::internal)?;
        let private_key = match secret {
            None => PrivateKey::Pkcs8(STANDARD.encode(&pkcs8)),
            Some((secret, randomness)) => {
                let id = made.public_key().id().to_string();
                let sealed = secret.seal(randomness, &id, &pkcs8);
                PrivateKey::SealedPkcs8(sealed.ok_or_else(|| Error::internal(SigningFailed))?)
            }
        };
        self.keys.push(KeyRecord::new(made.public_key(), now, Some(private_key)));
        Ok(made)
    }

    /// Adds a key that is kept elsewhere.
    pub(super) fn add_public(&mut self, key: &PublicKey, now: DateTime<Utc>) {
        self.keys.push(KeyRecord::new(key, now, None));
    }
}

impl KeyRecord {
    fn new(key: &PublicKey, created: DateTime<Utc>, private_key: Option<PrivateKey>) -> Self {
        let (keytype, scheme) = (KIND.to_owned(), KIND.to_owned());
        Self { keyid: key.id(), keytype, scheme, key: key.base64(), created, expires: None, private_key }
    }

    pub(super) fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    /// Reads the half that signs.
    pub(super) fn open(&self, secret: Option<&SealingKey>) -> Result<SigningKey, Error> {
        let damaged = |cause: BoxError| Error::Damaged(cause);
        let pkcs8 = match (&self.private_key, secret) {
            (None, _) => return Err(damaged(SigningFailed.into())),
            (Some(PrivateKey::Pkcs8(encoded)), _) => {
                STANDARD.decode(encoded).map_err(|error| damaged(error.into()))?
            }
            (Some(PrivateKey::SealedPkcs8(_)), None) => {
                return Err(Error::internal(UnusableKey::NoSecret(self.keyid.clone())));
            }
            (Some(PrivateKey::SealedPkcs8(sealed)), Some(secret)) => secret
                .open(&self.keyid.to_string(), sealed)
                .ok_or_else(|| Error::internal(UnusableKey::OtherSecret(self.keyid.clone())))?,
        };
        let key = SigningKey::from_pkcs8(&pkcs8).map_err(|error| damaged(error.into()))?;
        if key.public_key().id() == self.keyid { Ok(key) } else { Err(damaged(SigningFailed.into())) }
    }
}
