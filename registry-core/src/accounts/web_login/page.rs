use std::net::IpAddr;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::record::{Phase, Purpose};
use super::session_token::SessionToken;
use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::names::Account;
use crate::auth::Caller;

/// What a page shows of a login.
#[derive(Debug)]
pub(crate) struct WebLoginPage {
    /// What the client calls itself, which anybody can say.
    pub(crate) client: Option<String>,
    /// Where it is.
    pub(crate) address: Option<IpAddr>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) purpose: Purpose,
    pub(crate) step: PageStep,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum PageStep {
    /// To say who one is.
    Identify {
        /// Providers with a page of their own: id and name.
        providers: Vec<(&'static str, String)>,
        /// Whether name and password may do.
        password: bool,
        /// Whether an account can be made.
        sign_up: bool,
    },
    /// To enter a one-time password.
    Code {
        /// Whose.
        account: String,
        /// A provider whose page does as well: id and name.
        provider: Option<(&'static str, String)>,
    },
    /// Nothing: the client goes on.
    Done,
    /// To type this into the terminal.
    Type(SecretString),
}

impl Accounts {
    /// What the page of a login is to show in this browser.
    pub(crate) async fn web_login_page(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: Option<&SecretString>,
        callback: &url::Url,
    ) -> Result<WebLoginPage, Error> {
        let session = self.session_of_page(caller, page, browser).await?;
        let step = match (&session.purpose, &session.phase) {
            (Purpose::SecondFactor { shown: true, .. }, Phase::Proven) => {
                PageStep::Type(self.grant_proof(page).await?)
            }
            (_, Phase::Approved(_) | Phase::Proven | Phase::Taken | Phase::Granted { .. }) => PageStep::Done,
            (_, Phase::NeedsCode(who)) => PageStep::Code { account: who.account.clone(), provider: None },
            (Purpose::SecondFactor { account, .. }, _) => PageStep::Code {
                account: account.clone(),
                provider: self.browser_provider_of(account).await?,
            },
            (Purpose::Login { .. }, _) => self.ways_to_identify(callback).await?,
        };
        let (client, address, started, purpose) =
            (session.client, session.address, session.started, session.purpose);
        Ok(WebLoginPage { client, address, started, purpose, step })
    }

    async fn ways_to_identify(&self, callback: &url::Url) -> Result<PageStep, Error> {
        let mut providers = Vec::new();
        let mut unavailable = None;
        for provider in &self.parts.providers {
            match provider.start_web_login(callback).await {
                Ok(Some(_)) => providers.push((provider.id(), provider.to_string())),
                Ok(None) => {}
                Err(error) => unavailable = Some(error),
            }
        }
        let password = self.parts.providers.len() > providers.len();
        if let (true, Some(error)) = (providers.is_empty() && self.parts.providers.len() == 1, unavailable) {
            return Err(error.into());
        }
        let sign_up = self.offers_sign_up().await;
        Ok(PageStep::Identify { providers, password, sign_up })
    }

    /// The provider that owns an account's name, if it has a page of its own.
    pub(super) async fn browser_provider_of(
        &self,
        account: &str,
    ) -> Result<Option<(&'static str, String)>, Error> {
        let nowhere = url::Url::parse("http://localhost/").map_err(|error| Error::Internal(error.into()))?;
        let Some(Account { provider, .. }) = self.account_of(account).await? else { return Ok(None) };
        let offered = matches!(provider.start_web_login(&nowhere).await, Ok(Some(_)));
        Ok(offered.then(|| (provider.id(), provider.to_string())))
    }
}
