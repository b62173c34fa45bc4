use std::sync::Arc;

use secrecy::SecretString;

use crate::auth::{AuthProvider, Principal, TokenHash, TokenLimits};
use crate::blob::Key;
use crate::{Error, Registry};

mod cache;
mod issue;
mod record;
mod secret;

pub(super) use cache::Identity;
pub(crate) use cache::TokenCache;
pub use issue::NewToken;
pub use record::TokenHolder;
use record::TokenRecord;

impl Registry {
    /// Makes a token for an account that `provider` vouched for.
    pub(super) async fn create_session_token(
        &self,
        provider: &dyn AuthProvider,
        principal: &Principal,
    ) -> Result<SecretString, Error> {
        let holder =
            TokenHolder::Account { provider: provider.id().to_owned(), account: principal.name.clone() };
        self.issue_token(NewToken { holder, name: None, limits: TokenLimits::default() }).await
    }

    /// Who holds a token of this registry, and what it is limited to; `None` if it is not one, or not any more.
    pub(super) async fn identity_of_token(&self, hash: TokenHash) -> Result<Option<Identity>, Error> {
        let Some(record) = self.token_record(&hash.to_hex()).await? else { return Ok(None) };
        let Some(principal) = self.holder_now(&record.holder).await? else { return Ok(None) };
        Ok(Some(Identity { principal: Arc::new(principal), limits: Some(Arc::new(record.limits)) }))
    }

    /// Forgets a token. Answers whose it was, if it was one.
    pub(super) async fn delete_token(&self, hash: TokenHash) -> Result<Option<Principal>, Error> {
        let hex = hash.to_hex();
        let Some(record) = self.token_record(&hex).await? else { return Ok(None) };
        let principal = self.holder_now(&record.holder).await?;
        self.parts.store.delete(&Key::Token(&hex).path()?).await?;
        self.parts.tokens.remove(&hash);
        self.parts.store.delete(&Key::TokenOf(record.holder.name(), &hex).path()?).await?;
        Ok(principal)
    }

    async fn token_record(&self, hash: &str) -> Result<Option<TokenRecord>, Error> {
        let Some(blob) = self.parts.store.get(&Key::Token(hash).path()?).await? else { return Ok(None) };
        serde_json::from_slice(&blob.bytes).map(Some).map_err(|error| Error::Damaged(Box::new(error)))
    }

    /// The holder of a token as they are now; `None` once their account is gone.
    async fn holder_now(&self, holder: &TokenHolder) -> Result<Option<Principal>, Error> {
        match holder {
            TokenHolder::Principal { principal } => Ok(Some(principal.clone())),
            TokenHolder::Account { provider, account } => {
                let known = self.parts.providers.iter().find(|known| known.id() == provider);
                let Some(provider) = known else { return Ok(None) };
                Ok(provider.look_up(account).await?.map(|profile| profile.principal))
            }
        }
    }
}
