use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use futures::future::try_join_all;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenHash, TokenLimits};
use crate::storage::{BlobPath, BlobPrefix, Key};

use super::record::TokenRecord;

/// How many records are read concurrently.
const AT_A_TIME: usize = 16;

/// A token as its holder sees it: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The id to revoke it by.
    pub key: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// Its name, if any.
    pub name: Option<String>,
    /// Its purpose, if its holder gave one.
    pub description: Option<String>,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Its limits.
    pub limits: TokenLimits,
}

impl TokenInfo {
    pub(super) fn of(hash: TokenHash, record: TokenRecord) -> Self {
        let TokenRecord { name, description, created, limits, prefix, .. } = record;
        let prefix = prefix.unwrap_or_else(|| super::secret::PREFIX.into());
        Self { key: hash.to_hex(), prefix, name, description, created, limits }
    }
}

/// A token and its holder, as an operator sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldToken {
    /// The name of the holder.
    pub holder: String,
    /// Everything but the secret.
    pub token: TokenInfo,
}

impl Accounts {
    pub(crate) async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenInfo>, Error> {
        let account = self.require_account_read(caller)?.name.clone();
        let now = self.parts.clock.now();
        let mut tokens = Vec::new();
        for (hash, record) in self.listed_tokens_of(&account).await? {
            if record.limits.is_expired(now) {
                // Listing is the only time that an expired token is removed.
                self.forget_token(hash, &record).await?;
            } else {
                tokens.push(TokenInfo::of(hash, record));
            }
        }
        tokens.sort_by(|one, other| (other.created, &one.key).cmp(&(one.created, &other.key)));
        Ok(tokens)
    }

    /// Returns the tokens that an account created, or that an operator created for it.
    pub(crate) async fn listed_tokens_of(
        &self,
        account: &str,
    ) -> Result<Vec<(TokenHash, TokenRecord)>, Error> {
        let mut records = self.tokens_below(&Key::tokens_of(account)?).await?;
        records.retain(|(_, record)| record.holder.name() == account);
        Ok(records)
    }

    /// Returns every valid token, sessions included, or those of one account; the newest first.
    pub(crate) async fn all_tokens(&self, account: Option<&str>) -> Result<Vec<HeldToken>, Error> {
        let now = self.parts.clock.now();
        let mut tokens = Vec::new();
        for (hash, record) in self.tokens_below(&Key::tokens()?).await? {
            let holder = record.holder.name().to_owned();
            let is_wanted = account.is_none_or(|account| holder == account);
            if is_wanted && !record.limits.is_expired(now) && self.holder_now(&record).await?.is_some() {
                tokens.push(HeldToken { holder, token: TokenInfo::of(hash, record) });
            }
        }
        tokens.sort_by(|one, other| {
            (other.token.created, &one.token.key).cmp(&(one.token.created, &other.token.key))
        });
        Ok(tokens)
    }

    /// Returns the tokens whose hashes are the names of blobs in a folder.
    async fn tokens_below(&self, folder: &BlobPrefix) -> Result<Vec<(TokenHash, TokenRecord)>, Error> {
        let markers: Vec<_> = self.parts.store.list(folder).try_collect().await?;
        let hashes: Vec<_> = markers.iter().filter_map(|marker| hash_of(&marker.path)).collect();
        let mut records = Vec::with_capacity(hashes.len());
        for some in hashes.chunks(AT_A_TIME) {
            records.extend(try_join_all(some.iter().map(|hash| self.token_with_hash(*hash))).await?);
        }
        Ok(records.into_iter().flatten().collect())
    }

    async fn token_with_hash(&self, hash: TokenHash) -> Result<Option<(TokenHash, TokenRecord)>, Error> {
        Ok(self.token_record(&hash.to_hex()).await?.map(|record| (hash, record)))
    }
}

pub(super) fn hash_of(marker: &BlobPath) -> Option<TokenHash> {
    let name = marker.as_str().rsplit('/').next()?;
    TokenHash::from_hex(name.strip_suffix(".json").unwrap_or(name))
}
