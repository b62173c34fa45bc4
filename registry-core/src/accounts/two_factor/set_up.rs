use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::abuse::Guessed;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::one_time_password::period_at;
use crate::error::LoginError;
use crate::events::{EventKind, SecondFactorMode};
use crate::storage::{BlobDecision, Key};

use super::record::{PresentedFactor, TwoFactor, TwoFactorMode};
use super::{read, write};

/// The result of a change of the second factor.
#[derive(Debug, Clone)]
pub enum TwoFactorChanged {
    /// Setup has begun: the user scans this URL, which contains the secret, with an authenticator app. It is required
    /// only after [`Registry::confirm_two_factor`](crate::Registry::confirm_two_factor).
    Begun(SecretString),
    /// An existing second factor now has this mode.
    Mode(TwoFactorMode),
    /// The second factor was removed.
    Off,
}

impl Accounts {
    pub(crate) async fn set_two_factor(
        &self,
        caller: &Caller,
        password: &SecretString,
        mode: Option<TwoFactorMode>,
    ) -> Result<TwoFactorChanged, Error> {
        let (accounts, caller, password) = (self.clone(), caller.clone(), password.clone());
        detached(async move { accounts.set_two_factor_here(&caller, &password, mode).await }).await
    }

    pub(crate) async fn confirm_two_factor(
        &self,
        caller: &Caller,
        one_time_password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        let (accounts, caller, password) = (self.clone(), caller.clone(), one_time_password.clone());
        detached(async move { accounts.confirm_two_factor_here(&caller, &password).await }).await
    }

    async fn set_two_factor_here(
        &self,
        caller: &Caller,
        password: &SecretString,
        mode: Option<TwoFactorMode>,
    ) -> Result<TwoFactorChanged, Error> {
        let account = self.require_account_change(caller)?.name.clone();
        self.require_password(caller, Some(password)).await?;
        self.require_two_factor(caller).await?;
        let path = Key::TwoFactor(&account).path()?;
        let update = self.parts.store.update_with(&path, |stored| {
            Ok::<_, Error>(match (read(&account, stored)?, mode) {
                (_, None) => BlobDecision::Keep((TwoFactorChanged::Off, stored.is_some())),
                (Some(mut factor), Some(mode)) if !factor.pending => {
                    factor.mode = mode;
                    BlobDecision::Write(write(&factor)?, (TwoFactorChanged::Mode(mode), true))
                }
                (_, Some(mode)) => {
                    let factor = TwoFactor::pending(mode, self.parts.randomness.as_ref());
                    let begun = TwoFactorChanged::Begun(factor.url(&self.issuer(), &account));
                    BlobDecision::Write(write(&factor)?, (begun, true))
                }
            })
        });
        let (changed, existed) = update.await?;
        let told = match changed {
            TwoFactorChanged::Off if !existed => return Ok(changed),
            TwoFactorChanged::Off => {
                self.parts.store.delete(&path).await?;
                Some(SecondFactorMode::Disabled)
            }
            TwoFactorChanged::Mode(mode) => Some(mode.into()),
            TwoFactorChanged::Begun(_) => None,
        };
        self.parts.tokens.forget_two_factor(&account);
        if let Some(mode) = told {
            self.authorization.emit(caller, None, EventKind::TwoFactorChanged { mode });
        }
        Ok(changed)
    }

    async fn confirm_two_factor_here(
        &self,
        caller: &Caller,
        password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        let account = self.require_account_change(caller)?.name.clone();
        let attempt = self.begin_attempt(Guessed::OneTimePassword, &account, caller, password).await?;
        let confirmed = self.store_confirmed(&account, password).await;
        attempt.settle(&confirmed, |error| matches!(error, Error::Login(LoginError::WrongOneTimePassword)));
        if matches!(confirmed, Err(Error::Login(LoginError::WrongOneTimePassword))) {
            self.authorization.emit(caller, None, EventKind::TwoFactorFailed);
        }
        let (mode, codes) = confirmed?;
        self.second_factor_is_here(&account, caller.address);
        self.parts.tokens.forget_two_factor(&account);
        self.authorization.emit(caller, None, EventKind::TwoFactorChanged { mode: mode.into() });
        Ok(codes)
    }

    /// Confirms the pending second factor, if `password` matches its secret.
    async fn store_confirmed(
        &self,
        account: &str,
        password: &SecretString,
    ) -> Result<(TwoFactorMode, Vec<SecretString>), Error> {
        let now = period_at(self.parts.clock.now().timestamp());
        let path = Key::TwoFactor(account).path()?;
        let update = self.parts.store.update_with(&path, |stored| {
            let Some(mut factor) = read(account, stored)?.filter(|factor| factor.pending) else {
                return Err(Error::request(
                    "no second factor is being set up: run `npm profile enable-2fa`, then enter the one-time password",
                ));
            };
            if !matches!(factor.show(password, None, now), PresentedFactor::Taken { .. }) {
                return Err(Error::Login(LoginError::WrongOneTimePassword));
            }
            factor.pending = false;
            let codes = factor.renew_recovery_codes(self.parts.randomness.as_ref());
            Ok(BlobDecision::Write(write(&factor)?, (factor.mode, codes)))
        });
        update.await
    }

    /// Returns the label that an authenticator app displays above the digits.
    fn issuer(&self) -> String {
        let url = self.parts.settings.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "npm registry".into())
    }

    /// Returns whether an account that sends its password with each request must send a one-time password too. The
    /// absence of a second factor is cached as long as tokens are.
    pub(crate) async fn needs_two_factor(&self, account: &str) -> Result<bool, Error> {
        if self.parts.tokens.has_no_two_factor(account) {
            return Ok(false);
        }
        let needed = self.has_two_factor(account).await?;
        if !needed {
            self.parts.tokens.remember_no_two_factor(account);
        }
        Ok(needed)
    }
}
