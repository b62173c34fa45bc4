use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clock::Clock;
use crate::storage::{Blob, BlobDecision, Key, Storage};

use super::{KeyId, SigningFailed, SigningKey};

/// The keys of the registry, in its store.
pub(crate) struct SigningKeys {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The stored document. A list, so that a key can be followed by the next one, and verify what it signed.
#[derive(Serialize, Deserialize)]
struct KeyList {
    keys: Vec<KeyRecord>,
}

/// One key. The names of the fields are those of npm's lists of keys, as far as these have them.
#[derive(Serialize, Deserialize)]
struct KeyRecord {
    keyid: KeyId,
    keytype: String,
    scheme: String,
    /// The base64 of the SPKI.
    key: String,
    created: DateTime<Utc>,
    /// When the key is no longer signed with.
    expires: Option<DateTime<Utc>>,
    #[serde(rename = "private-key")]
    private_key: PrivateKey,
}

/// The half that signs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PrivateKey {
    /// The base64 of the key in PKCS #8, as it is.
    Pkcs8(String),
}

/// The name of both the kind and the scheme, in npm's lists.
const KIND: &str = "ecdsa-sha2-nistp256";

impl SigningKeys {
    /// Returns the key that is signed with; `None` if none was made yet.
    pub(crate) async fn find(&self) -> Result<Option<SigningKey>, Error> {
        let stored = self.store.get_proven(&Key::SigningKeys.path()?).await?;
        stored.map(|stored| self.read(&stored)).transpose().map(Option::flatten)
    }

    /// Returns the key that is signed with, and makes it if there is none. Of processes that do so at once, all get the key
    /// of the first.
    pub(crate) async fn get_or_make(&self) -> Result<SigningKey, Error> {
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            if let Some(found) = stored.map(|stored| self.read(stored)).transpose()?.flatten() {
                return Ok(BlobDecision::Keep(found));
            }
            let mut list = stored.map(parse).transpose()?.unwrap_or(KeyList { keys: Vec::new() });
            let pkcs8 = SigningKey::generate().map_err(Error::internal)?;
            let made = SigningKey::from_pkcs8(&pkcs8).map_err(Error::internal)?;
            list.keys.push(KeyRecord {
                keyid: made.public_key().id(),
                keytype: KIND.to_owned(),
                scheme: KIND.to_owned(),
                key: made.public_key().base64(),
                created: self.clock.now(),
                expires: None,
                private_key: PrivateKey::Pkcs8(STANDARD.encode(&pkcs8)),
            });
            let json = serde_json::to_vec_pretty(&list).map_err(Error::internal)?;
            Ok(BlobDecision::Write(json.into(), made))
        };
        let found = self.store.update_with(&Key::SigningKeys.path()?, decide).await?;
        Ok(found)
    }

    /// Reads the newest key that has not expired.
    fn read(&self, stored: &Blob) -> Result<Option<SigningKey>, Error> {
        let now = self.clock.now();
        let list = parse(stored)?;
        let valid = list.keys.iter().rev().find(|key| key.expires.is_none_or(|expires| expires > now));
        let Some(record) = valid else { return Ok(None) };
        let PrivateKey::Pkcs8(encoded) = &record.private_key;
        let pkcs8 = STANDARD.decode(encoded).map_err(|error| Error::Damaged(error.into()))?;
        let key = SigningKey::from_pkcs8(&pkcs8).map_err(|error| Error::Damaged(error.into()))?;
        if key.public_key().id() == record.keyid {
            Ok(Some(key))
        } else {
            Err(Error::Damaged(SigningFailed.into()))
        }
    }
}

fn parse(stored: &Blob) -> Result<KeyList, Error> {
    serde_json::from_slice(&stored.bytes).map_err(|error| Error::Damaged(error.into()))
}
