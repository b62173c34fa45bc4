use std::net::IpAddr;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::record::{Phase, Purpose};
use super::session_token::SessionToken;
use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::names::Account;
use crate::auth::Caller;

/// What a page renders of a login.
#[derive(Debug)]
pub(crate) struct WebLoginPage {
    /// What the client calls itself. Not verified.
    pub(crate) client: Option<String>,
    /// The address of the client.
    pub(crate) address: Option<IpAddr>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) purpose: Purpose,
    pub(crate) step: PageStep,
}

/// The next step.
#[derive(Debug)]
pub(crate) enum PageStep {
    /// Identify the user.
    Identify {
        /// Providers with their own page: id and name.
        providers: Vec<(&'static str, String)>,
        /// Whether a provider accepts name and password.
        password: bool,
        /// Whether a provider creates accounts.
        sign_up: bool,
    },
    /// Enter a one-time password.
    Code {
        /// The account.
        account: String,
        /// A provider whose page is an alternative: id and name.
        provider: Option<(&'static str, String)>,
    },
    /// Nothing: the client continues.
    Done,
    /// Type this into the terminal.
    Type(SecretString),
}

impl Accounts {
    /// Returns what the page of a login renders in this browser.
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

    /// Returns the provider that owns an account's name, if it has its own page.
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
