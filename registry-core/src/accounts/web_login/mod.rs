//! Logins and one-time passwords in the browser: a client begins in a terminal, and the user finishes on a page.
//!
//! The state is one [`Session`] in the store, changed by compare-and-swap, so that any replica can continue it. The
//! client and the page hold different secrets. The token is created when the client takes it, and is never stored.

mod begin;
mod code;
mod device;
mod page;
mod password;
mod poll;
mod proof;
mod provider;
mod record;
mod session_token;
mod store;

use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::error::LoginError;
use crate::events::EventKind;
use crate::events::WebLoginRejection;

pub(crate) use page::{PageStep, WebLoginPage};
pub(crate) use poll::PollAnswer;
pub(crate) use proof::{ProofCheck, SecondFactorProof};
pub(crate) use record::Purpose;
use record::{Phase, Session, Who};
pub(crate) use session_token::{SessionToken, is_secret, new_secret};
pub(crate) use store::WebLogins;

impl Accounts {
    /// Returns the login that a page belongs to, if this browser may continue it.
    async fn session_of_page(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: Option<&SecretString>,
    ) -> Result<Session, Error> {
        let session = self.session(page).await?;
        if !session.is_page(page) {
            return Err(Error::Login(LoginError::WebLoginGone));
        }
        if session.is_elsewhere(browser) {
            return Err(self.refuse_web_login(
                caller,
                WebLoginRejection::OtherBrowser,
                Error::Login(LoginError::WebLoginElsewhere),
            ));
        }
        Ok(session)
    }

    /// Binds an undecided login to this browser, so that no other browser can continue it.
    async fn begin_step(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: &SecretString,
        phase: &Phase,
    ) -> Result<Session, Error> {
        self.session_of_page(caller, page, Some(browser)).await?;
        let bound = self
            .change_session(page, |session| {
                session.bind(browser)?;
                if !session.is_undecided() {
                    return Err(Error::Login(LoginError::WebLoginGone));
                }
                session.phase = phase.clone();
                Ok(())
            })
            .await;
        match bound {
            Err(Error::Login(LoginError::WebLoginElsewhere)) => Err(self.refuse_web_login(
                caller,
                WebLoginRejection::OtherBrowser,
                Error::Login(LoginError::WebLoginElsewhere),
            )),
            Err(error) => Err(error),
            Ok(()) => self.session(page).await,
        }
    }

    /// Stores the account that is at the browser: the client may take its token, unless a second factor is required
    /// first. Only succeeds in the phase `expected`, so that one of two concurrent requests wins.
    async fn finish_step(
        &self,
        caller: &Caller,
        page: &SessionToken,
        expected: &Phase,
        who: Who,
    ) -> Result<(), Error> {
        let has_second_factor = self.has_two_factor(&who.account).await?;
        let account = who.account.clone();
        let next = if has_second_factor { Phase::NeedsCode(who) } else { Phase::Approved(who) };
        self.advance(page, expected, &next).await?;
        if !has_second_factor {
            self.signed_in_here(&account, caller.address);
            self.authorization.emit(&caller.named(&account), None, EventKind::WebLoginApproved);
        }
        Ok(())
    }

    async fn advance(&self, page: &SessionToken, expected: &Phase, next: &Phase) -> Result<(), Error> {
        self.change_session(page, |session| {
            if session.phase != *expected {
                return Err(Error::Login(LoginError::WebLoginGone));
            }
            session.phase = next.clone();
            Ok(())
        })
        .await
    }

    /// Emits an event with the reason why a login is rejected, and returns `error`.
    pub(crate) fn refuse_web_login(&self, caller: &Caller, reason: WebLoginRejection, error: Error) -> Error {
        let anonymous = caller.without_credentials();
        self.authorization.emit(&anonymous, None, EventKind::WebLoginRefused { reason });
        error
    }
}
