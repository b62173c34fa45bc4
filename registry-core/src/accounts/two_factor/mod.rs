use bytes::Bytes;
use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, Shown as ShownCredential};
use crate::domain::one_time_password::period_at;
use crate::events::EventKind;
use crate::storage::{Blob, Decision, Key};

use super::abuse::Guessed;
use super::web_login::SecondFactorProof;

mod of_a_package;
mod record;
mod set_up;

pub use record::TwoFactorMode;
pub use set_up::TwoFactorChanged;

use record::{Shown, TwoFactor};

/// The second factor of an account, for those who may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoFactorState {
    /// When it is asked for.
    pub mode: TwoFactorMode,
    /// Whether it is not asked for yet, because the holder has not shown that their app knows the secret.
    pub pending: bool,
}

impl Accounts {
    /// Asks for the second factor of an account that logs in, where it has one.
    pub(crate) async fn require_two_factor_at_login(
        &self,
        caller: &Caller,
        account: &str,
    ) -> Result<(), Error> {
        self.take_one_time_password(caller, account, None).await.map(drop)
    }

    /// Asks for the second factor of a caller who changes a package, where their account asks for one with writes.
    /// A token that stands for a second factor need not show one, and neither does a caller whom the embedding
    /// program vouches for. Answers the caller, who is not asked again.
    pub(crate) async fn require_two_factor_to_write(&self, caller: &Caller) -> Result<Caller, Error> {
        let Some((account, _)) = who_must_show(caller) else { return Ok(caller.clone()) };
        match self.two_factor_of(account).await? {
            Some(TwoFactorState { mode: TwoFactorMode::AuthAndWrites, pending: false }) => {
                self.require_two_factor(caller).await
            }
            _ => Ok(caller.clone()),
        }
    }

    /// Asks for the second factor of a caller who changes their account or its tokens, where they have one. Answers the
    /// caller, who is not asked again.
    pub(crate) async fn require_two_factor(&self, caller: &Caller) -> Result<Caller, Error> {
        let Some((account, by)) = who_must_show(caller) else { return Ok(caller.clone()) };
        Ok(caller.having_shown(self.take_one_time_password(caller, account, Some(&by)).await?))
    }

    /// Whether an account has a second factor.
    pub(crate) async fn two_factor_of(&self, account: &str) -> Result<Option<TwoFactorState>, Error> {
        let stored = self.stored_two_factor(account).await?;
        Ok(stored.map(|factor| TwoFactorState { mode: factor.mode, pending: factor.pending }))
    }

    /// Whether an account has a second factor that its holder has confirmed.
    pub(crate) async fn has_two_factor(&self, account: &str) -> Result<bool, Error> {
        Ok(self.two_factor_of(account).await?.is_some_and(|factor| !factor.pending))
    }

    /// Checks the one-time password that came with a request, and remembers that it is used up. Answers `false` without a
    /// second factor, for then there is nothing to check.
    ///
    /// A command of a client may take several requests, and sends the same password with each. So whoever showed one
    /// may show it again while it lasts, and nobody else may: not even a login, which has nothing yet to be known by.
    pub(crate) async fn take_one_time_password(
        &self,
        caller: &Caller,
        account: &str,
        by: Option<&str>,
    ) -> Result<bool, Error> {
        let Some(password) = &caller.one_time_password else {
            return self.look_at_one_time_password(caller, account, by).await;
        };
        let attempt = self.begin_attempt(Guessed::OneTimePassword, account, caller, password).await?;
        let looked = self.look_at_one_time_password(caller, account, by).await;
        match &looked {
            // Nothing was compared, so the caller is known here no better than before.
            Ok(false) => attempt.withdraw(),
            looked => attempt.settle(looked, |error| matches!(error, Error::WrongOneTimePassword)),
        }
        if let Ok(true) = looked {
            self.second_factor_is_here(account, caller.address);
        }
        looked
    }

    async fn look_at_one_time_password(
        &self,
        caller: &Caller,
        account: &str,
        by: Option<&str>,
    ) -> Result<bool, Error> {
        let Some(password) = &caller.one_time_password else {
            let is_required = self.has_two_factor(account).await?;
            return if is_required { Err(Error::OneTimePasswordRequired) } else { Ok(false) };
        };
        if let Some((by, proof)) = by.zip(SecondFactorProof::parse(password)) {
            if !self.has_two_factor(account).await? {
                return Ok(false);
            }
            return self.take_second_factor_proof(caller, account, by, &proof).await.map(|()| true);
        }
        let now = period_at(self.parts.clock.now().timestamp());
        let path = Key::TwoFactor(account).path()?;
        let looked = self.parts.store.update_with(&path, |stored| {
            let Some(mut factor) = read(account, stored)?.filter(|factor| !factor.pending) else {
                return Ok(Decision::Keep(Looked::NoFactor));
            };
            match factor.show(password, by, now) {
                Shown::Again => Ok(Decision::Keep(Looked::Right { codes_left: None })),
                Shown::Wrong => Err(Error::WrongOneTimePassword),
                Shown::Taken { recovery } => {
                    let codes_left = recovery.then_some(factor.recovery.len());
                    Ok(Decision::Write(write(&factor)?, Looked::Right { codes_left }))
                }
            }
        });
        let caller = &caller.named(account);
        match looked.await {
            Ok(Looked::NoFactor) => Ok(false),
            Ok(Looked::Right { codes_left }) => {
                if let Some(left) = codes_left {
                    self.authorization.emit(caller, None, EventKind::RecoveryCodeUsed { left });
                }
                Ok(true)
            }
            Err(error) => {
                if matches!(error, Error::WrongOneTimePassword) {
                    self.authorization.emit(caller, None, EventKind::TwoFactorFailed);
                }
                Err(error)
            }
        }
    }

    async fn stored_two_factor(&self, account: &str) -> Result<Option<TwoFactor>, Error> {
        let stored = self.parts.store.get_proven(&Key::TwoFactor(account).path()?).await?;
        read(account, stored.as_ref())
    }
}

/// What a look at a one-time password found.
enum Looked {
    /// The account has no second factor, so nothing was compared.
    NoFactor,
    Right {
        /// How many recovery codes are left, if the password was one.
        codes_left: Option<usize>,
    },
}

fn read(account: &str, stored: Option<&Blob>) -> Result<Option<TwoFactor>, Error> {
    let read = stored.map(|blob| serde_json::from_slice(&blob.bytes)).transpose();
    // What serde says could repeat the secret.
    read.map_err(|_| Error::Damaged(format!("the second factor of {account} cannot be read").into()))
}

fn write(factor: &TwoFactor) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(factor).map_err(Error::internal)?.into())
}

/// Whose second factor is to be asked for, and by what whoever shows it is known.
pub(crate) fn who_must_show(caller: &Caller) -> Option<(&str, String)> {
    if caller.second_factor_shown {
        return None;
    }
    let by = who_shows(caller)?;
    let bypass = caller.limits.as_ref().is_some_and(|limits| limits.bypass_two_factor);
    caller.name().filter(|_| !bypass).map(|name| (name, by))
}

/// By what whoever shows a one-time password is known; `None` where the embedding program vouches for them.
fn who_shows(caller: &Caller) -> Option<String> {
    Some(match caller.shown? {
        ShownCredential::Token(hash) => hash.to_hex(),
        ShownCredential::Password => "password".into(),
        ShownCredential::Operator => "operator".into(),
    })
}

/// The text of a one-time password that a client sent; `None` for one that is empty.
pub(crate) fn one_time_password(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
