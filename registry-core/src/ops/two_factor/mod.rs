use secrecy::SecretString;

use crate::auth::{Caller, Shown as ShownCredential};
use crate::blob::{BlobETag, Key, PutOutcome, When};
use crate::domain::one_time_password::period_at;
use crate::events::EventKind;
use crate::{Error, Registry};

use super::abuse::Guessed;
use super::web_login::SecondFactorProof;

mod of_a_package;
mod record;
mod set_up;

pub use record::TwoFactorMode;
pub use set_up::TwoFactorChanged;

use record::{Shown, TwoFactor};

/// How often a one-time password is tried against others of the same account.
const ATTEMPTS: usize = 8;

/// The second factor of an account, for those who may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoFactorState {
    /// When it is asked for.
    pub mode: TwoFactorMode,
    /// Whether it is not asked for yet, because the holder has not shown that their app knows the secret.
    pub pending: bool,
}

impl Registry {
    /// Asks for the second factor of an account that logs in, where it has one.
    pub(super) async fn require_two_factor_at_login(
        &self,
        caller: &Caller,
        account: &str,
    ) -> Result<(), Error> {
        self.take_one_time_password(caller, account, None).await.map(drop)
    }

    /// Asks for the second factor of a caller who changes a package, where their account asks for one with writes.
    /// A token that stands for a second factor need not show one, and neither does a caller whom the embedding
    /// program vouches for. Answers the caller, who is not asked again.
    pub(super) async fn require_two_factor_to_write(&self, caller: &Caller) -> Result<Caller, Error> {
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
    pub(super) async fn require_two_factor(&self, caller: &Caller) -> Result<Caller, Error> {
        let Some((account, by)) = who_must_show(caller) else { return Ok(caller.clone()) };
        Ok(caller.having_shown(self.take_one_time_password(caller, account, Some(&by)).await?))
    }

    /// Whether an account has a second factor.
    pub(super) async fn two_factor_of(&self, account: &str) -> Result<Option<TwoFactorState>, Error> {
        let stored = self.stored_two_factor(account).await?;
        Ok(stored.map(|(factor, _)| TwoFactorState { mode: factor.mode, pending: factor.pending }))
    }

    /// Checks the one-time password that came with a request, and remembers that it is used up. Answers `false` without a
    /// second factor, for then there is nothing to check.
    ///
    /// A command of a client may take several requests, and sends the same password with each. So whoever showed one
    /// may show it again while it lasts, and nobody else may: not even a login, which has nothing yet to be known by.
    pub(super) async fn take_one_time_password(
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
        for _ in 0..ATTEMPTS {
            let (mut factor, etag) = match self.stored_two_factor(account).await? {
                Some((factor, etag)) if !factor.pending => (factor, etag),
                _ => return Ok(false),
            };
            let Some(password) = &caller.one_time_password else {
                return Err(Error::OneTimePasswordRequired);
            };
            if let Some(by) = by
                && let Some(proof) = SecondFactorProof::parse(password)
            {
                return self.take_second_factor_proof(caller, account, by, &proof).await.map(|()| true);
            }
            let now = period_at(self.parts.clock.now().timestamp());
            match factor.show(password, by, now) {
                Shown::Again => return Ok(true),
                Shown::Wrong => {
                    self.emit(&caller.named(account), None, EventKind::TwoFactorFailed);
                    return Err(Error::WrongOneTimePassword);
                }
                Shown::Taken { recovery } => {
                    if self.store_two_factor(account, &factor, When::Matches(etag)).await? {
                        if recovery {
                            let left = factor.recovery.len();
                            self.emit(&caller.named(account), None, EventKind::RecoveryCodeUsed { left });
                        }
                        return Ok(true);
                    }
                }
            }
        }
        Err(Error::Busy)
    }

    async fn stored_two_factor(&self, account: &str) -> Result<Option<(TwoFactor, BlobETag)>, Error> {
        let found = self.parts.store.get(&Key::TwoFactor(account).path()?).await?;
        let Some(blob) = self.or_proven_absent(found).await? else { return Ok(None) };
        // What serde says could repeat the secret.
        let factor = serde_json::from_slice(&blob.bytes)
            .map_err(|_| Error::Damaged(format!("the second factor of {account} cannot be read").into()))?;
        Ok(Some((factor, blob.etag)))
    }

    /// Whether it was stored; if not, somebody was faster.
    async fn store_two_factor(&self, account: &str, factor: &TwoFactor, when: When) -> Result<bool, Error> {
        let json = serde_json::to_vec(factor).map_err(super::publish::internal)?;
        let outcome = self.parts.store.put(&Key::TwoFactor(account).path()?, json.into(), when).await?;
        Ok(matches!(outcome, PutOutcome::Stored(_)))
    }
}

/// Whose second factor is to be asked for, and by what whoever shows it is known.
pub(super) fn who_must_show(caller: &Caller) -> Option<(&str, String)> {
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
