use std::net::IpAddr;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{TokenHash, TokenLimits};
use crate::storage::{Key, PutOutcome, When};

use super::TokenHolder;
use super::record::TokenRecord;
use super::secret::{PREFIX, new_secret};
use crate::accounts::names::ISSUED_TOKEN;

/// How many characters of a secret are stored after `npm_`.
const SHOWN: usize = 4;

/// A token to be created.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The holder.
    pub holder: TokenHolder,
    /// Its name, if any.
    pub name: Option<String>,
    /// Its purpose, if its holder gave one.
    pub description: Option<String>,
    /// Its limits.
    pub limits: TokenLimits,
}

impl Accounts {
    pub(crate) async fn issue_token(&self, mut token: NewToken) -> Result<SecretString, Error> {
        if let TokenHolder::Principal { principal } = &mut token.holder {
            *principal = self.admit(ISSUED_TOKEN, principal.clone()).await?;
        }
        self.issue_token_as_of(token, self.parts.clock.now(), None).await.map(|(secret, _)| secret)
    }

    pub(super) async fn issue_token_as_of(
        &self,
        token: NewToken,
        created: DateTime<Utc>,
        signed_in_at: Option<IpAddr>,
    ) -> Result<(SecretString, TokenRecord), Error> {
        self.authorization.require_room_for_events().await?;
        let secret = new_secret(self.parts.randomness.as_ref());
        let hash = TokenHash::of(&secret).to_hex();
        let NewToken { holder, name, description, limits } = token;
        let prefix = secret.expose_secret().get(..PREFIX.len() + SHOWN).map(Into::into);
        let record = TokenRecord { holder, created, name, description, prefix, signed_in_at, limits };
        let json = serde_json::to_vec(&record).map_err(Error::internal)?;
        if record.limits.kind.is_listed() {
            // First, so that a crash in between leaves a marker without a token, which listing ignores.
            let marker = Key::TokenOf(record.holder.name(), &hash).path()?;
            let _ = self.parts.store.put(&marker, hash.clone().into(), When::Always).await?;
        }
        match self.parts.store.put(&Key::Token(&hash).path()?, json.into(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok((secret, record)),
            PutOutcome::Conflict => Err(Error::Internal("the same random token was made twice".into())),
        }
    }
}
