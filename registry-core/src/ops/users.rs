use crate::auth::{Caller, Profile};
use crate::{Error, Registry};

impl Registry {
    /// The name of the caller.
    pub fn whoami<'caller>(&self, caller: &'caller Caller) -> Result<&'caller str, Error> {
        caller.name().ok_or(Error::AuthenticationRequired)
    }

    /// What is known of an account. Only for those who are signed in, so that strangers cannot try names.
    pub async fn profile(&self, caller: &Caller, account: &str) -> Result<Profile, Error> {
        self.whoami(caller)?;
        let profile = self.look_up_account(account).await?;
        profile.ok_or_else(|| Error::AccountNotFound { account: account.to_owned() })
    }

    pub(super) async fn look_up_account(&self, account: &str) -> Result<Option<Profile>, Error> {
        for provider in &self.parts.providers {
            if let Some(profile) = provider.look_up(account).await? {
                return Ok(Some(profile));
            }
        }
        Ok(None)
    }
}
