use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::clock::Clock;
use crate::domain::VersionSignature;
use crate::randomness::Randomness;
use crate::sealing::SealingKey;
use crate::storage::{Blob, BlobDecision, Key, Storage, When};
use crate::vocabulary::{ListedKey, SignerError, VersionSigner};

use super::SigningKey;
use super::key_list::KeyList;

/// For how long a process signs with a key without looking whether there is a newer one.
const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// For how long an old key is valid after a new one was made: longer than any process goes on signing with it.
const HANDOVER: TimeDelta = TimeDelta::minutes(10);

/// How the keys of the registry are kept.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct StoredKeySettings {
    /// What new keys are encrypted with in the store. All processes on a store need the same one. Default: nothing, so that
    /// who reads the store can sign.
    pub secret: Option<SealingKey>,
    /// The key to sign with, in place of one in the store, which lists its public half. Default: none.
    pub key: Option<SigningKey>,
}

/// The keys of the registry, in its store. Cheap to clone.
#[derive(Clone)]
pub struct StoredKeys(Arc<Shared>);

struct Shared {
    store: Arc<Storage>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    secret: Option<SealingKey>,
    /// The key of the settings.
    given: Option<Arc<SigningKey>>,
    /// What was signed with last, and when it was read.
    recent: Mutex<Option<(DateTime<Utc>, Arc<SigningKey>)>>,
    /// Whether the store is known to say that keys were made.
    has_begun: AtomicBool,
}

/// The key of the settings has been replaced.
#[derive(Debug, thiserror::Error)]
#[error(
    "the signing key {0} of the settings was replaced by a newer one: give that one, or none to sign with the key in the storage"
)]
struct Replaced(String);

/// The store had keys, and has none.
#[derive(Debug, thiserror::Error)]
#[error(
    "the signing keys in the storage are lost, _signing/keys.json is gone: restore it from a backup, so that what they signed is \
     verified, or give them up with `registry-server keys rotate`, and sign anew with `registry-server keys sign`"
)]
struct Lost;

impl StoredKeys {
    pub(crate) fn new(
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        randomness: &Arc<dyn Randomness>,
        settings: StoredKeySettings,
    ) -> Self {
        Self(Arc::new(Shared {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            randomness: Arc::clone(randomness),
            secret: settings.secret,
            given: settings.key.map(Arc::new),
            recent: Mutex::default(),
            has_begun: AtomicBool::new(false),
        }))
    }

    /// Returns the key that is signed with; `None` if none was made yet.
    pub(crate) async fn find(&self) -> Result<Option<Arc<SigningKey>>, Error> {
        if let Some(given) = &self.0.given {
            return Ok(Some(Arc::clone(given)));
        }
        self.0.newest(&self.0.read().await?)
    }

    /// Returns the key that is signed with, and makes it if there is none. Of processes that do so at once, all get the key
    /// of the first.
    pub(crate) async fn get_or_make(&self) -> Result<Arc<SigningKey>, Error> {
        let shared = &self.0;
        if shared.read().await?.keys.is_empty() {
            shared.require_not_lost().await?;
        }
        let key = shared
            .change(|list| {
                let Some(given) = &shared.given else {
                    return match shared.newest(list)? {
                        Some(found) => Ok((found, false)),
                        None => shared.make(list).map(|made| (made, true)),
                    };
                };
                let (id, now) = (given.public_key().id(), shared.clock.now());
                match list.keys.iter().find(|key| key.keyid == id) {
                    Some(known) if known.is_valid(now) => Ok((Arc::clone(given), false)),
                    Some(_) => Err(Error::internal(Replaced(id.to_string()))),
                    None => {
                        list.add_public(given.public_key(), now);
                        Ok((Arc::clone(given), true))
                    }
                }
            })
            .await?;
        shared.begin().await?;
        Ok(key)
    }

    /// Returns an error if the next version could not be signed. Makes no key.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let (shared, now) = (&self.0, self.0.clock.now());
        if shared.recent(now).is_some() {
            return Ok(());
        }
        let list = shared.read().await?;
        if list.keys.is_empty() {
            return shared.require_not_lost().await;
        }
        match &shared.given {
            Some(given) => {
                let id = given.public_key().id();
                let is_replaced = list.keys.iter().any(|key| key.keyid == id && !key.is_valid(now));
                if is_replaced { Err(Error::internal(Replaced(id.to_string()))) } else { Ok(()) }
            }
            None => shared.newest(&list).map(drop),
        }
    }

    /// Makes a key that is signed with from now on. Those before it verify what they signed, and expire in ten minutes, until
    /// when every process has seen the new one. A key of the settings is replaced, too.
    pub(crate) async fn rotate(&self) -> Result<Arc<SigningKey>, Error> {
        let shared = &self.0;
        let rotated = shared
            .change(|list| {
                let expires = shared.clock.now() + HANDOVER;
                for key in &mut list.keys {
                    key.expires = Some(key.expires.map_or(expires, |known| known.min(expires)));
                }
                shared.make(list).map(|made| (made, true))
            })
            .await?;
        shared.begin().await?;
        shared.remember(None);
        Ok(rotated)
    }

    /// Lists the public halves of all keys, oldest first.
    pub(crate) async fn list(&self) -> Result<Vec<ListedKey>, Error> {
        Ok(self.0.read().await?.listed())
    }

    /// Returns the key of the last signature, or reads it.
    async fn current(&self) -> Result<Arc<SigningKey>, Error> {
        let now = self.0.clock.now();
        if let Some(key) = self.0.recent(now) {
            return Ok(key);
        }
        let key = self.get_or_make().await?;
        self.0.remember(Some((now, Arc::clone(&key))));
        Ok(key)
    }
}

impl Shared {
    fn recent(&self, now: DateTime<Utc>) -> Option<Arc<SigningKey>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, key) = recent.as_ref()?;
        (now - *read < LOOK_AGAIN_AFTER && now >= *read).then(|| Arc::clone(key))
    }

    fn remember(&self, recent: Option<(DateTime<Utc>, Arc<SigningKey>)>) {
        *self.recent.lock().unwrap_or_else(PoisonError::into_inner) = recent;
    }

    async fn read(&self) -> Result<KeyList, Error> {
        let stored = self.store.get_proven(&Key::SigningKeys.path()?).await?;
        Ok(stored.as_ref().map(KeyList::parse).transpose()?.unwrap_or_default())
    }

    /// Notes in the store that keys were made.
    async fn begin(&self) -> Result<(), Error> {
        if self.has_begun.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Another process that noted it is as good.
        let _ = self.store.put(&Key::SigningBegan.path()?, Bytes::new(), When::Absent).await?;
        self.has_begun.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Returns an error if keys were made: those who have seen a signature would not trust new ones.
    async fn require_not_lost(&self) -> Result<(), Error> {
        let began = self.store.get_proven(&Key::SigningBegan.path()?).await?;
        // Another process may have made them since they were missed.
        let are_lost = began.is_some() && self.read().await?.keys.is_empty();
        if are_lost { Err(Error::internal(Lost)) } else { Ok(()) }
    }

    fn newest(&self, list: &KeyList) -> Result<Option<Arc<SigningKey>>, Error> {
        let newest = list.newest(self.clock.now());
        newest.map(|key| key.open(self.secret.as_ref()).map(Arc::new)).transpose()
    }

    fn make(&self, list: &mut KeyList) -> Result<Arc<SigningKey>, Error> {
        let secret = self.secret.as_ref().map(|secret| (secret, self.randomness.as_ref()));
        list.add_new(self.clock.now(), secret).map(Arc::new)
    }

    /// Changes the list. `decide` says whether it did.
    async fn change<Outcome: Send + Sync>(
        &self,
        mut decide: impl FnMut(&mut KeyList) -> Result<(Outcome, bool), Error> + Send,
    ) -> Result<Outcome, Error> {
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let mut list = stored.map(KeyList::parse).transpose()?.unwrap_or_default();
            let (key, changed) = decide(&mut list)?;
            Ok(if changed {
                BlobDecision::Write(list.to_json()?.into(), key)
            } else {
                BlobDecision::Keep(key)
            })
        };
        self.store.update_with(&Key::SigningKeys.path()?, decide).await
    }
}

#[async_trait]
impl VersionSigner for StoredKeys {
    async fn sign(&self, message: &[u8]) -> Result<VersionSignature, SignerError> {
        let key = self.current().await.map_err(SignerError::new)?;
        let signature = key.sign(message).map_err(SignerError::new)?;
        Ok(VersionSignature { keyid: key.public_key().id().to_string(), sig: STANDARD.encode(signature) })
    }

    async fn check(&self) -> Result<(), SignerError> {
        self.check().await.map_err(SignerError::new)
    }

    async fn keys(&self) -> Result<Vec<ListedKey>, SignerError> {
        self.list().await.map_err(SignerError::new)
    }
}

impl fmt::Debug for StoredKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredKeys")
    }
}
