use secrecy::SecretString;

use crate::auth::Caller;
use crate::blob::{BlobETag, Key, When};
use crate::domain::one_time_password::period_at;
use crate::events::EventKind;
use crate::{Error, Registry};

use super::record::{Shown, TwoFactor, TwoFactorMode};
use super::{ATTEMPTS, TwoFactorState};
use crate::concurrency::detached;
use crate::ops::abuse::Guessed;

/// What came of a change of the second factor.
#[derive(Debug, Clone)]
pub enum TwoFactorChanged {
    /// It begins to be set up: this URL, which holds the secret, is to be scanned by an authenticator app. It is
    /// asked for only after [`Registry::confirm_two_factor`].
    Begun(SecretString),
    /// It was there before, and has this mode now.
    Mode(TwoFactorMode),
    /// It is gone.
    Off,
}

impl Registry {
    /// Sets up a second factor for the caller's account, changes when it is asked for, or with `None` takes it away.
    ///
    /// The password is checked. Where there is a second factor already, so is a one-time password.
    pub async fn set_two_factor(
        &self,
        caller: &Caller,
        password: &SecretString,
        mode: Option<TwoFactorMode>,
    ) -> Result<TwoFactorChanged, Error> {
        let (registry, caller, password) = (self.clone(), caller.clone(), password.clone());
        detached(async move { registry.set_two_factor_here(&caller, &password, mode).await }).await
    }

    /// Ends the setting up: the caller shows that their app knows the secret, and gets the recovery codes. They are
    /// kept nowhere: this is the only time they can be read.
    pub async fn confirm_two_factor(
        &self,
        caller: &Caller,
        one_time_password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        let (registry, caller, password) = (self.clone(), caller.clone(), one_time_password.clone());
        detached(async move { registry.confirm_two_factor_here(&caller, &password).await }).await
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
        for _ in 0..ATTEMPTS {
            let stored = self.stored_two_factor(&account).await?;
            let changed = match (stored, mode) {
                (None, None) => return Ok(TwoFactorChanged::Off),
                (Some(_), None) => {
                    self.parts.store.delete(&Key::TwoFactor(&account).path()?).await?;
                    self.emit(caller, None, EventKind::TwoFactorChanged { mode: "disabled".into() });
                    return Ok(TwoFactorChanged::Off);
                }
                (Some((mut factor, etag)), Some(mode)) if !factor.pending => {
                    factor.mode = mode;
                    let stored = self.store_two_factor(&account, &factor, When::Matches(etag)).await?;
                    stored.then_some(TwoFactorChanged::Mode(mode))
                }
                (pending, Some(mode)) => {
                    let factor = TwoFactor::pending(mode, self.parts.randomness.as_ref());
                    let when = pending.map_or(When::Absent, |(_, etag)| When::Matches(etag));
                    let stored = self.store_two_factor(&account, &factor, when).await?;
                    stored.then(|| TwoFactorChanged::Begun(factor.url(&self.issuer(), &account)))
                }
            };
            if let Some(changed) = changed {
                self.parts.tokens.forget_two_factor(&account);
                if let TwoFactorChanged::Mode(mode) = changed {
                    self.emit(caller, None, EventKind::TwoFactorChanged { mode: mode.as_str().into() });
                }
                return Ok(changed);
            }
        }
        Err(Error::Busy)
    }

    async fn confirm_two_factor_here(
        &self,
        caller: &Caller,
        password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        let account = self.require_account_change(caller)?.name.clone();
        let attempt = self.begin_attempt(Guessed::OneTimePassword, &account, caller, password).await?;
        let confirmed = self.check_first_one_time_password(caller, &account, password).await;
        attempt.settle(&confirmed, |error| matches!(error, Error::WrongOneTimePassword));
        let (mut factor, etag) = confirmed?;
        self.second_factor_is_here(&account, caller.address);
        factor.pending = false;
        let codes = factor.renew_recovery_codes(self.parts.randomness.as_ref());
        if !self.store_two_factor(&account, &factor, When::Matches(etag)).await? {
            return Err(Error::Busy);
        }
        self.parts.tokens.forget_two_factor(&account);
        self.emit(caller, None, EventKind::TwoFactorChanged { mode: factor.mode.as_str().into() });
        Ok(codes)
    }

    /// The second factor that is being set up, where the holder's app knows its secret.
    async fn check_first_one_time_password(
        &self,
        caller: &Caller,
        account: &str,
        password: &SecretString,
    ) -> Result<(TwoFactor, BlobETag), Error> {
        let Some((mut factor, etag)) = self.stored_two_factor(account).await?.filter(|(it, _)| it.pending)
        else {
            return Err(Error::request(
                "no second factor is being set up: run `npm profile enable-2fa`, then enter the one-time password",
            ));
        };
        let now = period_at(self.parts.clock.now().timestamp());
        if matches!(factor.show(password, None, now), Shown::Taken { .. }) {
            return Ok((factor, etag));
        }
        self.emit(caller, None, EventKind::TwoFactorFailed);
        Err(Error::WrongOneTimePassword)
    }

    /// What an authenticator app shows above the digits.
    fn issuer(&self) -> String {
        let url = self.parts.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "npm registry".into())
    }

    /// Whether an account that shows its password with each request must show a one-time password too. That there
    /// is no second factor is believed as long as a token is.
    pub(in crate::ops) async fn needs_two_factor(&self, account: &str) -> Result<bool, Error> {
        if self.parts.tokens.has_no_two_factor(account) {
            return Ok(false);
        }
        let needed =
            matches!(self.two_factor_of(account).await?, Some(TwoFactorState { pending: false, .. }));
        if !needed {
            self.parts.tokens.remember_no_two_factor(account);
        }
        Ok(needed)
    }
}
