use super::record::{LIFETIME, Purpose, Session};
use super::session_token::SessionToken;
use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::two_factor::who_must_show;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::shorten::shorten;
use crate::error::LoginError;
use crate::events::EventKind;

/// A browser login that has begun.
#[derive(Debug)]
pub(crate) struct BegunWebLogin {
    /// For the user's browser.
    pub(crate) page: SessionToken,
    /// For the client.
    pub(crate) poll: SessionToken,
}

impl Accounts {
    /// Begins a browser login for a client that calls itself `client`.
    pub(crate) async fn begin_web_login(
        &self,
        caller: &Caller,
        client: Option<&str>,
        create: bool,
    ) -> Result<BegunWebLogin, Error> {
        self.require_web_login()?;
        self.begin(caller, client, Purpose::Login { create }).await
    }

    /// Begins to ask the caller for their second factor in the browser, to do the caller's action. Returns `None` for an
    /// anonymous caller, where browser login is disabled, and where a page would not show the whole action.
    ///
    /// With `shown`, the page displays a code to type into the terminal. That is offered only where the account's
    /// provider has its own page: digits of an app can be typed into the terminal directly.
    pub(crate) async fn begin_web_second_factor(
        &self,
        caller: &Caller,
        client: Option<&str>,
        shown: bool,
    ) -> Result<Option<BegunWebLogin>, Error> {
        let Some((account, by)) = who_must_show(caller) else { return Ok(None) };
        if !self.parts.web_logins.on || (shown && self.browser_provider_of(account).await?.is_none()) {
            return Ok(None);
        }
        // The page would accept any code of an account whose second factor is still pending.
        if !self.has_two_factor(account).await? {
            return Ok(None);
        }
        let Some(requested) = &caller.action else { return Ok(None) };
        let Some(action) = requested.shown().map(str::to_owned) else { return Ok(None) };
        let confirms = requested.digest();
        let purpose = Purpose::SecondFactor { account: account.to_owned(), by, action, confirms, shown };
        self.begin(caller, client, purpose).await.map(Some)
    }

    fn require_web_login(&self) -> Result<(), Error> {
        if self.parts.web_logins.on { Ok(()) } else { Err(Error::Login(LoginError::WebLoginOff)) }
    }

    async fn begin(
        &self,
        caller: &Caller,
        client: Option<&str>,
        purpose: Purpose,
    ) -> Result<BegunWebLogin, Error> {
        self.count_start(caller)?;
        let now = self.parts.clock.now();
        let page = SessionToken::new(now + LIFETIME, self.parts.randomness.as_ref());
        let poll = page.for_another(self.parts.randomness.as_ref());
        let mut session = Session::new(&page, &poll, now, purpose);
        session.client = client.map(|client| shorten(client).to_string());
        session.address = caller.address;
        let (accounts, caller) = (self.clone(), caller.clone());
        detached(async move {
            if !accounts.put_new_session(&page, &session).await? {
                return Err(Error::Internal("the same random id was made twice".into()));
            }
            accounts.authorization.emit(&caller, None, EventKind::WebLoginStarted);
            if let Err(error) = accounts.sweep_sessions().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "expired logins were not swept");
            }
            Ok(BegunWebLogin { page, poll })
        })
        .await
    }
}
