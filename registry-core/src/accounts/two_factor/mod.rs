use bytes::Bytes;
use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, Challenge, PresentedCredential};
use crate::domain::PackageName;
use crate::domain::one_time_password::period_at;
use crate::error::LoginError;
use crate::events::EventKind;
use crate::storage::{Blob, BlobDecision, Key};

use super::abuse::Guessed;
use super::web_login::{ProofCheck, SecondFactorProof};

mod of_a_package;
mod record;
mod set_up;

pub use record::TwoFactorMode;
pub use set_up::TwoFactorChanged;

use record::{PresentedFactor, TwoFactor};

/// The second factor of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoFactorState {
    /// When it is required.
    pub mode: TwoFactorMode,
    /// Whether it is not required yet, because the holder has not confirmed that their app has the secret.
    pub pending: bool,
}

impl Accounts {
    /// Checks the second factor of an account that logs in, if it has one. Returns a challenge where the login shows none.
    pub(crate) async fn challenge_at_login(
        &self,
        caller: &Caller,
        account: &str,
    ) -> Result<Option<Challenge>, Error> {
        let check = self.take_one_time_password(caller, account, None, None).await?;
        Ok((check == FactorCheck::Missing).then_some(Challenge::OneTimePassword))
    }

    /// Requires the second factor of a caller who changes a package, where the account requires one for writes.
    /// Tokens that bypass the second factor are exempt, and so are callers for whom the embedding program vouches.
    /// Returns the caller, marked so that it is not checked again.
    pub(crate) async fn require_two_factor_to_write(
        &self,
        caller: &Caller,
        package: &PackageName,
    ) -> Result<Caller, Error> {
        let Some((account, by)) = who_must_show(caller) else { return Ok(caller.clone()) };
        match self.two_factor_of(account).await? {
            Some(TwoFactorState { mode: TwoFactorMode::AuthAndWrites, pending: false }) => {
                let is_shown = self.take_one_time_password(caller, account, Some(&by), Some(package));
                Ok(caller.having_shown(is_shown.await?.or_challenge()?))
            }
            _ => Ok(caller.clone()),
        }
    }

    /// Requires the second factor of a caller who changes the account or its tokens, if the account has one. Returns
    /// the caller, marked so that it is not checked again.
    pub(crate) async fn require_two_factor(&self, caller: &Caller) -> Result<Caller, Error> {
        let Some((account, by)) = who_must_show(caller) else { return Ok(caller.clone()) };
        let shown = self.take_one_time_password(caller, account, Some(&by), None).await?.or_challenge()?;
        Ok(caller.having_shown(shown))
    }

    /// Returns the second factor of an account.
    pub(crate) async fn two_factor_of(&self, account: &str) -> Result<Option<TwoFactorState>, Error> {
        let stored = self.stored_two_factor(account).await?;
        Ok(stored.map(|factor| TwoFactorState { mode: factor.mode, pending: factor.pending }))
    }

    /// Returns whether an account has a second factor that its holder has confirmed.
    pub(crate) async fn has_two_factor(&self, account: &str) -> Result<bool, Error> {
        Ok(self.two_factor_of(account).await?.is_some_and(|factor| !factor.pending))
    }

    /// Checks the one-time password of a request and marks it as used.
    ///
    /// A command of a client may send several requests with the same password. So the credential that used it first
    /// may use it again while it lasts, and no other may. A login has no credential yet, so it cannot reuse one.
    ///
    /// Events of a rejection name `package`, if the request is about one.
    pub(crate) async fn take_one_time_password(
        &self,
        caller: &Caller,
        account: &str,
        by: Option<&str>,
        package: Option<&PackageName>,
    ) -> Result<FactorCheck, Error> {
        let Some(password) = &caller.one_time_password else {
            if !self.has_two_factor(account).await? {
                return Ok(FactorCheck::NoFactor);
            }
            self.authorization.emit(&caller.named(account), package, EventKind::TwoFactorMissing);
            return Ok(FactorCheck::Missing);
        };
        let attempt = self.begin_attempt(Guessed::OneTimePassword, account, caller, password).await?;
        let looked = self.compare_one_time_password(caller, account, by, password).await;
        let rejection = match &looked {
            Err(Error::Login(LoginError::WrongOneTimePassword)) => Some(EventKind::TwoFactorFailed),
            // What was confirmed in the browser is not what the request does.
            Ok(FactorCheck::Missing) => Some(EventKind::TwoFactorMissing),
            _ => None,
        };
        if let Some(rejection) = rejection {
            self.authorization.emit(&caller.named(account), package, rejection);
        }
        match &looked {
            // Nothing was shown, so this does not make the network known.
            Ok(FactorCheck::NoFactor | FactorCheck::Missing) => attempt.withdraw(),
            looked => attempt
                .settle(looked, |error| matches!(error, Error::Login(LoginError::WrongOneTimePassword))),
        }
        if let Ok(FactorCheck::Shown) = looked {
            self.second_factor_is_here(account, caller.address);
        }
        looked
    }

    async fn compare_one_time_password(
        &self,
        caller: &Caller,
        account: &str,
        by: Option<&str>,
        password: &SecretString,
    ) -> Result<FactorCheck, Error> {
        if let Some((by, proof)) = by.zip(SecondFactorProof::parse(password)) {
            if !self.has_two_factor(account).await? {
                return Ok(FactorCheck::NoFactor);
            }
            let action = caller.action.as_deref();
            return Ok(match self.take_second_factor_proof(account, by, action, &proof).await? {
                ProofCheck::Confirmed => FactorCheck::Shown,
                ProofCheck::OfAnotherAction => FactorCheck::Missing,
            });
        }
        let now = period_at(self.parts.clock.now().timestamp());
        let path = Key::TwoFactor(account).path()?;
        let looked = self.parts.store.update_with(&path, |stored| {
            let Some(mut factor) = read(account, stored)?.filter(|factor| !factor.pending) else {
                return Ok(BlobDecision::Keep(Looked::NoFactor));
            };
            match factor.show(password, by, now) {
                PresentedFactor::Again => Ok(BlobDecision::Keep(Looked::Right { codes_left: None })),
                PresentedFactor::Wrong => Err(Error::Login(LoginError::WrongOneTimePassword)),
                PresentedFactor::Taken { recovery } => {
                    let codes_left = recovery.then_some(factor.recovery.len());
                    Ok(BlobDecision::Write(write(&factor)?, Looked::Right { codes_left }))
                }
            }
        });
        match looked.await? {
            Looked::NoFactor => Ok(FactorCheck::NoFactor),
            Looked::Right { codes_left } => {
                if let Some(left) = codes_left {
                    let told = EventKind::RecoveryCodeUsed { left };
                    self.authorization.emit(&caller.named(account), None, told);
                }
                Ok(FactorCheck::Shown)
            }
        }
    }

    async fn stored_two_factor(&self, account: &str) -> Result<Option<TwoFactor>, Error> {
        let stored = self.parts.store.get_proven(&Key::TwoFactor(account).path()?).await?;
        read(account, stored.as_ref())
    }
}

/// What a request shows of the second factor of an account. A wrong one-time password is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum FactorCheck {
    /// The account has none, so nothing was compared.
    NoFactor,
    /// The right one-time password.
    Shown,
    /// The account has one, and the request has no one-time password, or a proof that confirms another request.
    Missing,
}

impl FactorCheck {
    /// Challenges the caller if the one-time password is missing. Returns whether one was shown.
    pub(crate) fn or_challenge(self) -> Result<bool, Error> {
        match self {
            Self::NoFactor => Ok(false),
            Self::Shown => Ok(true),
            Self::Missing => Err(Error::Challenge(Challenge::OneTimePassword)),
        }
    }
}

/// The result of a comparison of a one-time password.
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
    // The error of serde could quote the secret.
    read.map_err(|_| Error::Damaged(format!("the second factor of {account} cannot be read").into()))
}

fn write(factor: &TwoFactor) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(factor).map_err(Error::internal)?.into())
}

/// Returns the account whose second factor is required, and the id of the credential that shows it.
pub(crate) fn who_must_show(caller: &Caller) -> Option<(&str, String)> {
    if caller.second_factor_shown {
        return None;
    }
    let by = who_shows(caller)?;
    let bypass = caller.limits.as_ref().is_some_and(|limits| limits.bypass_two_factor);
    caller.name().filter(|_| !bypass).map(|name| (name, by))
}

/// Returns the id of the credential that shows a one-time password; `None` where the embedding program vouches for
/// the caller.
fn who_shows(caller: &Caller) -> Option<String> {
    Some(match caller.shown? {
        PresentedCredential::Token(hash) => hash.to_hex(),
        PresentedCredential::Password => "password".into(),
        PresentedCredential::Operator => "operator".into(),
    })
}

/// Parses a one-time password that a client sent; `None` if it is empty.
pub(crate) fn one_time_password(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
