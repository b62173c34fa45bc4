use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::events::EventKind;

use super::record::{Phase, Purpose, Who};
use super::session_token::SessionToken;

/// The answer to a client that polls.
#[derive(Debug)]
pub(crate) enum PollAnswer {
    /// Poll again later.
    Waiting,
    /// A token, or the proof to send as a one-time password. It can be taken once.
    Token(SecretString),
}

impl Accounts {
    /// Returns whether the user in the browser has finished. The first poll after that takes the result, unless it
    /// only `look`s.
    pub(crate) async fn poll_web_login(
        &self,
        caller: &Caller,
        poll: SessionToken,
        look: bool,
    ) -> Result<PollAnswer, Error> {
        let session = self.session(&poll).await?;
        if !session.is_poll(&poll) {
            return Err(Error::Login(LoginError::WebLoginGone));
        }
        match session.phase.clone() {
            Phase::Taken | Phase::Granted { .. } => Err(Error::Login(LoginError::WebLoginGone)),
            Phase::Approved(_) | Phase::Proven if look => Ok(PollAnswer::Waiting),
            Phase::Approved(who) => {
                self.advance(&poll, &session.phase, &Phase::Taken).await?;
                let (accounts, caller) = (self.clone(), caller.clone());
                detached(async move { accounts.hand_out(&caller, &poll, &who).await }).await
            }
            Phase::Proven if !matches!(session.purpose, Purpose::SecondFactor { shown: true, .. }) => {
                let accounts = self.clone();
                detached(async move { accounts.grant_proof(&poll).await.map(PollAnswer::Token) }).await
            }
            _ => Ok(PollAnswer::Waiting),
        }
    }

    async fn hand_out(&self, caller: &Caller, poll: &SessionToken, who: &Who) -> Result<PollAnswer, Error> {
        let token = self.create_session_token(&who.provider, &who.account, who.since, who.network).await?;
        self.authorization.emit(&caller.named(&who.account), None, EventKind::LoggedIn);
        if let Err(error) = self.parts.store.delete(&poll.path()?).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a finished browser login was not deleted"
            );
        }
        Ok(PollAnswer::Token(token))
    }
}
