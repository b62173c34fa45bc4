//! Logins in the browser, and one-time passwords there: what a client begins in a terminal, a person finishes at a page.
//!
//! All of it is one [`Session`] in the store, changed by compare-and-swap, so that any replica can go on with it. The
//! client and the page hold different secrets. The token is made when the client takes it, and is stored by nobody.

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
use crate::events::EventKind;

pub(crate) use page::{PageStep, WebLoginPage};
pub(crate) use poll::PollAnswer;
pub(crate) use proof::SecondFactorProof;
pub(crate) use record::Purpose;
use record::{Phase, Session, Who};
pub(crate) use session_token::{SessionToken, is_secret, new_secret};
pub(crate) use store::WebLogins;

impl Accounts {
    /// The login that a page belongs to, if this browser may go on with it.
    async fn session_of_page(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: Option<&SecretString>,
    ) -> Result<Session, Error> {
        let session = self.session(page).await?;
        if !session.is_page(page) {
            return Err(Error::WebLoginGone);
        }
        if session.is_elsewhere(browser) {
            return Err(self.refuse_web_login(caller, "other-browser", Error::WebLoginElsewhere));
        }
        Ok(session)
    }

    /// Lets this browser, and from now on no other one, go on with a login that nobody has decided yet.
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
                    return Err(Error::WebLoginGone);
                }
                session.phase = phase.clone();
                Ok(())
            })
            .await;
        match bound {
            Err(Error::WebLoginElsewhere) => {
                Err(self.refuse_web_login(caller, "other-browser", Error::WebLoginElsewhere))
            }
            Err(error) => Err(error),
            Ok(()) => self.session(page).await,
        }
    }

    /// Takes note of who is at the browser: the client may take its token, unless a second factor is asked for first.
    /// Only where the login is still in the phase that led here, so that of two who finish one wins.
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
                return Err(Error::WebLoginGone);
            }
            session.phase = next.clone();
            Ok(())
        })
        .await
    }

    /// Tells the sink why a login is not let go on.
    pub(crate) fn refuse_web_login(&self, caller: &Caller, reason: &str, error: Error) -> Error {
        let nobody = Caller { address: caller.address, ..Caller::default() };
        self.authorization.emit(&nobody, None, EventKind::WebLoginRefused { reason: reason.into() });
        error
    }
}
