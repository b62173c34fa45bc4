use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenHash};
use crate::concurrency::detached;
use crate::error::AccountError;
use crate::events::EventKind;

use super::secret::PREFIX;

impl Accounts {
    pub(crate) async fn revoke_token(
        &self,
        caller: &Caller,
        key_or_token: &SecretString,
    ) -> Result<(), Error> {
        let (accounts, caller, wanted) = (self.clone(), caller.clone(), key_or_token.clone());
        detached(async move { accounts.revoke_token_here(&caller, wanted).await }).await
    }

    async fn revoke_token_here(&self, caller: &Caller, wanted: SecretString) -> Result<(), Error> {
        let account = self.require_account_change(caller)?.name.clone();
        let text = wanted.expose_secret();
        let is_whole = text.starts_with(PREFIX);
        let hash = if is_whole { Some(TokenHash::of(&wanted)) } else { TokenHash::from_hex(text) };
        let hash = hash.ok_or(Error::Account(AccountError::TokenNotFound))?;
        let record =
            self.token_record(&hash.to_hex()).await?.ok_or(Error::Account(AccountError::TokenNotFound))?;
        if !is_whole && record.holder.name() != account {
            return Err(Error::Account(AccountError::TokenNotFound));
        }
        self.forget_token(hash, &record).await?;
        let holder = record.holder.name().to_owned();
        self.authorization.emit(caller, None, EventKind::TokenRevoked { key: hash.to_hex(), holder });
        Ok(())
    }
}
