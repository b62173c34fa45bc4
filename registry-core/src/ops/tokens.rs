use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::auth::{AuthProvider, Principal};
use crate::blob::{Key, PutOutcome, When};
use crate::randomness::{Randomness, random_bytes};
use crate::{Error, Registry};

/// How every token of a registry begins, so that scanners for leaked secrets find it.
const PREFIX: &str = "npm_";
/// Random characters after the prefix: 36 of 62, 214 bits.
const LENGTH: usize = 36;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What is stored of a token, under the hash of its secret. The secret itself is shown once and kept nowhere.
#[derive(Debug, Serialize, Deserialize)]
struct TokenRecord {
    provider: String,
    account: String,
    created: DateTime<Utc>,
}

/// The SHA-256 of a token's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

/// Who showed a good credential of late. Bounded in number and time.
#[derive(Debug)]
pub(crate) struct TokenCache(Option<Cache<TokenHash, Arc<Principal>>>);

impl TokenHash {
    pub(super) fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret()).into())
    }

    fn to_hex(self) -> String {
        const_hex::encode(self.0)
    }
}

impl TokenCache {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        /// More than the builds and people that one process serves within seconds.
        const ENTRIES: u64 = 10_000;
        let cache = || Cache::builder().max_capacity(ENTRIES).time_to_live(time_to_live).build();
        Self((!time_to_live.is_zero()).then(cache))
    }

    pub(super) fn get(&self, hash: &TokenHash) -> Option<Arc<Principal>> {
        self.0.as_ref()?.get(hash)
    }

    pub(super) fn insert(&self, hash: TokenHash, principal: Arc<Principal>) {
        if let Some(cache) = &self.0 {
            cache.insert(hash, principal);
        }
    }

    fn remove(&self, hash: &TokenHash) {
        if let Some(cache) = &self.0 {
            cache.invalidate(hash);
        }
    }
}

impl Registry {
    /// Makes a token for an account that `provider` vouched for.
    pub(super) async fn create_token(
        &self,
        provider: &dyn AuthProvider,
        principal: &Principal,
    ) -> Result<SecretString, Error> {
        let secret = new_secret(self.parts.randomness.as_ref());
        let record = TokenRecord {
            provider: provider.id().to_owned(),
            account: principal.name.clone(),
            created: self.parts.clock.now(),
        };
        let json = serde_json::to_vec(&record).map_err(super::publish::internal)?;
        let path = Key::Token(&TokenHash::of(&secret).to_hex()).path()?;
        match self.parts.store.put(&path, json.into(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok(secret),
            PutOutcome::Conflict => Err(Error::Internal("the same random token was made twice".into())),
        }
    }

    /// Who holds a token of this registry; `None` if it is not one, or not any more.
    pub(super) async fn principal_of_token(&self, hash: TokenHash) -> Result<Option<Principal>, Error> {
        let path = Key::Token(&hash.to_hex()).path()?;
        let Some(blob) = self.parts.store.get(&path).await? else { return Ok(None) };
        let record: TokenRecord =
            serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(Box::new(error)))?;
        let Some(provider) = self.parts.providers.iter().find(|provider| provider.id() == record.provider)
        else {
            return Ok(None);
        };
        Ok(provider.look_up(&record.account).await?.map(|profile| profile.principal))
    }

    /// Forgets a token. Answers whose it was, if it was one.
    pub(super) async fn delete_token(&self, secret: &SecretString) -> Result<Option<Principal>, Error> {
        let hash = TokenHash::of(secret);
        let principal = self.principal_of_token(hash).await?;
        self.parts.store.delete(&Key::Token(&hash.to_hex()).path()?).await?;
        self.parts.tokens.remove(&hash);
        Ok(principal)
    }
}

fn new_secret(randomness: &dyn Randomness) -> SecretString {
    let mut secret = String::from(PREFIX);
    while secret.len() < PREFIX.len() + LENGTH {
        for byte in random_bytes::<LENGTH>(randomness) {
            // 248 is the largest multiple of 62 in a byte: taking more would favour the first characters.
            if byte < 248 && secret.len() < PREFIX.len() + LENGTH {
                secret.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
    }
    secret.into()
}
