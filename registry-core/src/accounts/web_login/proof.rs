use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::RequestedAction;
use crate::error::LoginError;

use super::record::{Phase, Purpose};
use super::session_token::{SessionToken, hash_of, is_hash_of, new_secret};

/// The prefix of a proof, which tells it from digits and recovery codes.
const PREFIX: &str = "web_";
/// How long a proof is valid for its first use.
const UNUSED: TimeDelta = TimeDelta::minutes(2);
/// How long after its first use other requests of the same command may send it again.
const USED: TimeDelta = TimeDelta::minutes(1);

/// What a client sends as a one-time password after its user showed a second factor in the browser.
pub(crate) struct SecondFactorProof(SessionToken);

/// What a proof says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofCheck {
    /// Its holder confirmed what the request does.
    Confirmed,
    /// Its holder confirmed something else.
    OfAnotherAction,
}

impl SecondFactorProof {
    /// Parses a proof; `None` for anything else, such as digits.
    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        text.expose_secret().strip_prefix(PREFIX).and_then(SessionToken::parse).map(Self)
    }
}

impl Accounts {
    /// Creates the proof of a second factor that was shown. Succeeds once.
    pub(super) async fn grant_proof(&self, token: &SessionToken) -> Result<SecretString, Error> {
        let secret = new_secret(self.parts.randomness.as_ref());
        let until = self.parts.clock.now() + UNUSED;
        let proof = hash_of(secret.expose_secret());
        self.change_session(token, |session| {
            if session.phase != Phase::Proven {
                return Err(Error::Login(LoginError::WebLoginGone));
            }
            session.phase = Phase::Granted { proof: proof.clone(), until, first_used: None };
            Ok(())
        })
        .await?;
        let mut shown = token.clone();
        shown.secret = secret;
        Ok(format!("{PREFIX}{}", shown.text().expose_secret()).into())
    }

    /// Checks a proof sent with the credential `by`. It is valid for one command: the same credential may send it
    /// again for a short time to do the `action` that its holder confirmed. No other credential can use it, and it
    /// confirms no other action.
    pub(crate) async fn take_second_factor_proof(
        &self,
        account: &str,
        by: &str,
        action: Option<&RequestedAction>,
        proof: &SecondFactorProof,
    ) -> Result<ProofCheck, Error> {
        let now = self.parts.clock.now();
        let taken = self.change_session_even_if_expired(&proof.0, |session| {
            let Purpose::SecondFactor { account: whose, by: known, confirms, .. } = &session.purpose else {
                return Err(Error::Login(LoginError::WrongOneTimePassword));
            };
            let is_theirs = whose == account && known == by;
            let is_confirmed = action.is_some_and(|action| *confirms == action.digest());
            match &mut session.phase {
                Phase::Granted { proof: hash, until, first_used }
                    if is_theirs && is_hash_of(hash, &proof.0.secret) && *until > now =>
                {
                    if !is_confirmed {
                        return Ok(ProofCheck::OfAnotherAction);
                    }
                    if first_used.is_none() {
                        *first_used = Some(now);
                        *until = now + USED;
                    }
                    Ok(ProofCheck::Confirmed)
                }
                _ => Err(Error::Login(LoginError::WrongOneTimePassword)),
            }
        });
        match taken.await {
            Err(Error::Login(LoginError::WebLoginGone)) => {
                Err(Error::Login(LoginError::WrongOneTimePassword))
            }
            taken => taken,
        }
    }
}
