use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, Principal, Profile, ProfileDetails};
use crate::error::{AccountError, PermissionError};

/// Returns the caller's name.
pub(crate) fn whoami(caller: &Caller) -> Result<&str, Error> {
    caller.name().ok_or(Error::Permission(PermissionError::AuthenticationRequired))
}

impl Accounts {
    pub(crate) async fn profile(&self, caller: &Caller, account: &str) -> Result<Profile, Error> {
        whoami(caller)?;
        let profile = self.look_up_account(account).await?;
        let profile =
            profile.ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))?;
        if caller.limits.as_ref().is_none_or(|limits| limits.permit_account_reads()) {
            return Ok(profile);
        }
        let name = profile.principal.name.clone();
        Ok(Profile { principal: Principal::user(name), email: None, details: ProfileDetails::default() })
    }

    pub(crate) async fn find_account(&self, account: &str) -> Result<Option<(&'static str, Profile)>, Error> {
        Ok(self.account_of(account).await?.map(|account| (account.provider.id(), account.profile)))
    }

    pub(crate) async fn look_up_account(&self, account: &str) -> Result<Option<Profile>, Error> {
        Ok(self.account_of(account).await?.map(|account| account.profile))
    }
}
