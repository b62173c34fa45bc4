use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenKind};
use crate::domain::PackageName;
use crate::domain::packument::MfaPolicy;

use super::who_shows;

impl Accounts {
    /// Asks for a second factor where the owners of the package want one for changes, whatever the caller's account
    /// wants. A build that a trusted issuer vouched for passes: there is nobody to show digits, and no secret to steal.
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
                MfaPolicy::Publish => Err(Error::TokenWithoutTwoFactor { name: name.clone() }),
                MfaPolicy::None | MfaPolicy::Automation => Ok(()),
            };
        }
        if !self.has_two_factor(account).await? {
            return Err(Error::NoTwoFactor { name: name.clone() });
        }
        self.take_one_time_password(caller, account, Some(&by)).await.map(drop)
    }

    /// Asks for the second factor of the account, and for that which the owners of the package want: for what lets others
    /// publish the package. Answers the caller, who is not asked again.
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

    /// Whether a caller could go on changing a package that wants a second factor: their account has one, or nobody
    /// asks them for one.
    pub(crate) async fn could_show_two_factor(&self, caller: &Caller) -> Result<bool, Error> {
        let (Some(account), Some(_)) = (caller.name(), who_shows(caller)) else { return Ok(true) };
        self.has_two_factor(account).await
    }
}
