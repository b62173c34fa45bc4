use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::events::EventKind;

use super::record::{Phase, Purpose};
use super::session_token::SessionToken;

impl Accounts {
    /// Continues with a one-time password, of an account that logs in or of a logged-in account.
    pub(crate) async fn web_login_with_code(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: &SecretString,
        code: Option<SecretString>,
    ) -> Result<(), Error> {
        let session = self.session_of_page(caller, page, Some(browser)).await?;
        let (account, next) = match (&session.purpose, &session.phase) {
            (_, Phase::NeedsCode(who)) => (who.account.clone(), Phase::Approved(who.clone())),
            (Purpose::SecondFactor { account, .. }, _) if session.is_undecided() => {
                self.begin_step(caller, page, browser, &Phase::Open).await?;
                (account.clone(), Phase::Proven)
            }
            _ => return Err(Error::Login(LoginError::WebLoginGone)),
        };
        let expected = if next == Phase::Proven { Phase::Open } else { session.phase };
        let shower = Caller { one_time_password: code, ..caller.without_credentials() };
        let (accounts, page) = (self.clone(), page.clone());
        detached(async move {
            accounts.take_one_time_password(&shower, &account, None, None).await?.or_challenge()?;
            accounts.advance(&page, &expected, &next).await?;
            if let Phase::Approved(who) = &next {
                accounts.signed_in_here(&account, who.network);
            }
            accounts.authorization.emit(&shower.named(&account), None, EventKind::WebLoginApproved);
            Ok(())
        })
        .await
    }
}
