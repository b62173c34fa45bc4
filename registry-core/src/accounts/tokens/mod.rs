use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, PresentedCredential, Principal, TokenHash, TokenKind, TokenLimits};
use crate::network::network_of;
use crate::storage::{Key, When};

mod cache;
mod create;
mod expiring;
mod issue;
mod list;
mod record;
mod revoke;
mod secret;
mod sweep;

pub(crate) use cache::Identity;
pub(crate) use cache::TokenCache;
pub use create::{MadeToken, TokenOptions, TokenRequest};
pub use issue::NewToken;
pub use list::{HeldToken, TokenInfo};
pub use record::TokenHolder;
pub(crate) use record::TokenRecord;

impl Accounts {
    /// Creates a session token for an account that `provider` identified, at a login that began at `since`, from the
    /// network `signed_in_at`.
    pub(crate) async fn create_session_token(
        &self,
        provider: &str,
        account: &str,
        since: DateTime<Utc>,
        signed_in_at: Option<IpAddr>,
    ) -> Result<SecretString, Error> {
        let holder = TokenHolder::Account { provider: provider.to_owned(), account: account.to_owned() };
        let token = NewToken { holder, name: None, description: None, limits: TokenLimits::default() };
        self.issue_token_as_of(token, since, signed_in_at).await.map(|(secret, _)| secret)
    }

    /// Returns the holder of a token, its limits, and the network of the sign-in that it began with; `None` for an
    /// unknown or revoked token.
    pub(crate) async fn holder_of_token(
        &self,
        hash: TokenHash,
    ) -> Result<Option<(Principal, Arc<TokenLimits>, Option<IpAddr>)>, Error> {
        let Some(record) = self.token_record(&hash.to_hex()).await? else { return Ok(None) };
        let Some(principal) = self.holder_now(&record).await? else { return Ok(None) };
        if !self.is_still_trusted(&record.limits).await? {
            return Ok(None);
        }
        Ok(Some((principal, Arc::new(record.limits), record.signed_in_at)))
    }

    /// Deletes a token. Returns its holder, if it existed.
    pub(crate) async fn delete_token(&self, hash: TokenHash) -> Result<Option<Principal>, Error> {
        let hex = hash.to_hex();
        let Some(record) = self.token_record(&hex).await? else { return Ok(None) };
        let principal = self.holder_now(&record).await?;
        self.forget_token(hash, &record).await?;
        Ok(principal)
    }

    pub(crate) async fn forget_token(&self, hash: TokenHash, record: &TokenRecord) -> Result<(), Error> {
        let hex = hash.to_hex();
        self.parts.store.delete(&Key::Token(&hex).path()?).await?;
        self.parts.tokens.remove(&hash);
        if record.limits.kind.is_listed() {
            self.parts.store.delete(&Key::TokenOf(record.holder.name(), &hex).path()?).await?;
        }
        Ok(())
    }

    /// Restarts the caller's session now and here, so that it outlives the other sessions of its account.
    pub(crate) async fn renew_session(&self, caller: &Caller) -> Result<(), Error> {
        let Some(PresentedCredential::Token(hash)) = caller.shown else { return Ok(()) };
        let Some(mut record) = self.token_record(&hash.to_hex()).await? else { return Ok(()) };
        if record.limits.kind == TokenKind::Session {
            record.created = self.parts.clock.now();
            record.signed_in_at = caller.address.map(network_of);
            let json = serde_json::to_vec(&record).map_err(Error::internal)?;
            let path = Key::Token(&hash.to_hex()).path()?;
            let _ = self.parts.store.put(&path, json.into(), When::Always).await?;
        }
        Ok(())
    }

    pub(crate) async fn token_record(&self, hash: &str) -> Result<Option<TokenRecord>, Error> {
        let Some(blob) = self.parts.store.get(&Key::Token(hash).path()?).await? else { return Ok(None) };
        serde_json::from_slice(&blob.bytes).map(Some).map_err(|error| Error::Damaged(Box::new(error)))
    }

    /// Returns the holder of a token as it is now; `None` if the account is gone or the session has ended.
    async fn holder_now(&self, record: &TokenRecord) -> Result<Option<Principal>, Error> {
        match &record.holder {
            TokenHolder::Principal { principal } => self.admit_issued(principal).await,
            TokenHolder::Account { .. } => {
                let sessions = record.limits.kind == TokenKind::Session;
                self.account_as_of(&record.holder, record.created, sessions).await
            }
        }
    }

    /// Returns an account as it is now, if it is the one that existed at `then`.
    pub(crate) async fn account_now(
        &self,
        holder: &TokenHolder,
        then: DateTime<Utc>,
    ) -> Result<Option<Principal>, Error> {
        self.account_as_of(holder, then, false).await
    }

    async fn account_as_of(
        &self,
        holder: &TokenHolder,
        then: DateTime<Utc>,
        is_session: bool,
    ) -> Result<Option<Principal>, Error> {
        let TokenHolder::Account { provider, account } = holder else { return Ok(None) };
        let known = self.parts.providers.iter().find(|known| known.id() == provider);
        let Some(provider) = known else { return Ok(None) };
        let Some(profile) = provider.look_up(account).await? else { return Ok(None) };
        let before = |moment: Option<DateTime<Utc>>| moment.is_some_and(|at| then < at);
        let details = &profile.details;
        // An account created after the token is another one of the same name.
        let ended = before(details.created) || (is_session && before(details.sessions_since));
        if ended {
            return Ok(None);
        }
        self.admit_known(provider.id(), profile.principal).await
    }
}
