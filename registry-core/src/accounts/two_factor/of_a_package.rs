use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenKind};
use crate::domain::PackageName;
use crate::domain::packument::MfaPolicy;
use crate::error::AccountError;
use crate::events::EventKind;

use super::who_shows;

impl Accounts {
    /// Requires a second factor where the package's owners require one for changes, regardless of the account's own
    /// mode. Builds of trusted publishing are exempt: they have no user to type digits, and no secret to steal.
    pub(crate) async fn require_two_factor_of_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        mfa: MfaPolicy,
    ) -> Result<(), Error> {
        let (Some(account), Some(by)) = (caller.name(), who_shows(caller)) else { return Ok(()) };
        let limits = caller.limits.as_deref();
        let is_trusted_build = limits.is_some_and(|limits| limits.kind == TokenKind::TrustedPublishing);
        if mfa == MfaPolicy::None || is_trusted_build || caller.second_factor_shown {
            return Ok(());
        }
        if limits.is_some_and(|limits| limits.bypass_two_factor) {
            return match mfa {
                MfaPolicy::Publish => {
                    self.authorization.emit(caller, Some(name), EventKind::TwoFactorMissing);
                    Err(Error::Account(AccountError::TokenWithoutTwoFactor { name: name.clone() }))
                }
                MfaPolicy::None | MfaPolicy::Automation => Ok(()),
            };
        }
        if !self.has_two_factor(account).await? {
            self.authorization.emit(caller, Some(name), EventKind::TwoFactorMissing);
            return Err(Error::Account(AccountError::NoTwoFactor { name: name.clone() }));
        }
        self.take_one_time_password(caller, account, Some(&by), Some(name)).await?.or_challenge().map(drop)
    }

    /// Requires the second factors of the account and of the package, for operations that let others publish it.
    /// Returns the caller, marked so that it is not checked again.
    pub(crate) async fn require_two_factor_to_delegate(
        &self,
        caller: &Caller,
        name: &PackageName,
        mfa: MfaPolicy,
    ) -> Result<Caller, Error> {
        let caller = self.require_two_factor(caller).await?;
        self.require_two_factor_of_package(&caller, name, mfa).await?;
        Ok(caller)
    }

    /// Returns whether a caller could still change a package that requires a second factor: the account has one, or
    /// no second factor is required of this caller.
    pub(crate) async fn could_show_two_factor(&self, caller: &Caller) -> Result<bool, Error> {
        let (Some(account), Some(_)) = (caller.name(), who_shows(caller)) else { return Ok(true) };
        self.has_two_factor(account).await
    }
}
