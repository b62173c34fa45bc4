use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};

use super::record::{Phase, Purpose};
use super::session_token::{SessionToken, hash_of, is_hash_of, new_secret};
use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::events::EventKind;

/// What a proof begins with, so that it is no digits and no recovery code.
const PREFIX: &str = "web_";
/// For how long a proof may be shown for the first time.
const UNUSED: TimeDelta = TimeDelta::minutes(2);
/// For how long after that it may be shown again, by the other requests of the same command.
const USED: TimeDelta = TimeDelta::minutes(1);

/// What a client shows as a one-time password after its user has shown a second factor in the browser.
pub(crate) struct SecondFactorProof(SessionToken);

impl SecondFactorProof {
    /// Reads what a client sent; `None` if it is something else, such as digits.
    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        text.expose_secret().strip_prefix(PREFIX).and_then(SessionToken::parse).map(Self)
    }
}

impl Accounts {
    /// Makes the proof of a second factor that was shown. Once.
    pub(super) async fn grant_proof(&self, token: &SessionToken) -> Result<SecretString, Error> {
        let secret = new_secret(self.parts.randomness.as_ref());
        let until = self.parts.clock.now() + UNUSED;
        let proof = hash_of(secret.expose_secret());
        self.change_session(token, |session| {
            if session.phase != Phase::Proven {
                return Err(Error::WebLoginGone);
            }
            session.phase = Phase::Granted { proof: proof.clone(), until, first_used: None };
            Ok(())
        })
        .await?;
        let mut shown = token.clone();
        shown.secret = secret;
        Ok(format!("{PREFIX}{}", shown.text().expose_secret()).into())
    }

    /// Checks a proof that a caller shows, who is known by `by`. It is good for one command: whoever showed it may show
    /// it again for a moment, and nobody else ever may.
    pub(crate) async fn take_second_factor_proof(
        &self,
        caller: &Caller,
        account: &str,
        by: &str,
        proof: &SecondFactorProof,
    ) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let taken = self.change_session_even_if_expired(&proof.0, |session| {
            let is_theirs = matches!(&session.purpose, Purpose::SecondFactor { account: whose, by: known, .. } if whose == account && known == by);
            match &mut session.phase {
                Phase::Granted { proof: hash, until, first_used }
                    if is_theirs && is_hash_of(hash, &proof.0.secret) && *until > now =>
                {
                    if first_used.is_none() {
                        *first_used = Some(now);
                        *until = now + USED;
                    }
                    Ok(())
                }
                _ => Err(Error::WrongOneTimePassword),
            }
        });
        match taken.await {
            Err(Error::WrongOneTimePassword | Error::WebLoginGone) => {
                self.authorization.emit(&caller.named(account), None, EventKind::TwoFactorFailed);
                Err(Error::WrongOneTimePassword)
            }
            taken => taken,
        }
    }
}
