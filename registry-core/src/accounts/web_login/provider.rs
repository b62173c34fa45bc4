use std::sync::Arc;

use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AuthProvider, Caller, Identified};
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::events::EventKind;
use crate::events::WebLoginRejection;
use crate::network::network_of;

use super::record::{Phase, Purpose, Session, Who};
use super::session_token::{SessionToken, hash_of};

impl Accounts {
    /// Continues at the page of a provider, which redirects the browser to `callback`. Returns the URL of that page.
    pub(crate) async fn web_login_with_provider(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: &SecretString,
        provider: &str,
        callback: &Url,
    ) -> Result<Url, Error> {
        let known = self.provider(provider).ok_or(Error::Login(LoginError::WebLoginForm))?;
        let login = known.start_web_login(callback).await?.ok_or(Error::Login(LoginError::WebLoginForm))?;
        let state = login.url.query_pairs().find(|(name, _)| name == "state");
        let phase = Phase::AtProvider {
            provider: provider.to_owned(),
            state: login.state,
            returns: state.map(|(_, state)| hash_of(&state)),
        };
        self.begin_step(caller, page, browser, &phase).await?;
        Ok(login.url)
    }

    /// Finishes a login at a provider's page, from which a browser came back with `query`. `held` lists the logins
    /// that the browser has opened: the page, and the browser's own secret. Returns the page of the login.
    pub(crate) async fn web_login_callback(
        &self,
        caller: &Caller,
        held: Vec<(SessionToken, SecretString)>,
        query: &str,
    ) -> Result<SessionToken, Error> {
        let mut returned = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
        let returned = returned.next().map(|(_, state)| hash_of(&state));
        for (page, browser) in held {
            let Ok(session) = self.session_of_page(caller, &page, Some(&browser)).await else { continue };
            let Phase::AtProvider { returns, .. } = &session.phase else { continue };
            if returns.is_some() && *returns != returned {
                continue;
            }
            let (accounts, caller, query) = (self.clone(), caller.clone(), query.to_owned());
            return detached(async move { accounts.come_back(&caller, page, session, &query).await }).await;
        }
        Err(self.refuse_web_login(
            caller,
            WebLoginRejection::OtherBrowser,
            Error::Login(LoginError::WebLoginElsewhere),
        ))
    }

    async fn come_back(
        &self,
        caller: &Caller,
        page: SessionToken,
        session: Session,
        query: &str,
    ) -> Result<SessionToken, Error> {
        let Phase::AtProvider { provider, state, .. } = &session.phase else {
            return Err(Error::Login(LoginError::WebLoginGone));
        };
        let since = self.parts.clock.now();
        // A browser that comes back twice causes one request to the provider.
        self.advance(&page, &session.phase, &Phase::Returning).await?;
        let known = self.provider(provider).ok_or(Error::Login(LoginError::WebLoginForm))?;
        let finished = match known.finish_web_login(state, query).await {
            Ok(Identified::Principal(principal)) => self.admit(known.id(), principal).await.map(Some),
            Ok(Identified::Rejected | Identified::NotMine) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let refused = match finished {
            Ok(Some(principal)) => match &session.purpose {
                Purpose::Login { .. } => {
                    let network = caller.address.map(network_of);
                    let who = Who { provider: provider.clone(), account: principal.name, since, network };
                    self.finish_step(caller, &page, &Phase::Returning, who).await?;
                    return Ok(page);
                }
                Purpose::SecondFactor { account, .. } if *account == principal.name => {
                    self.advance(&page, &Phase::Returning, &Phase::Proven).await?;
                    self.authorization.emit(&caller.named(account), None, EventKind::WebLoginApproved);
                    return Ok(page);
                }
                Purpose::SecondFactor { .. } => WebLoginRejection::OtherAccount,
            },
            Ok(None) => WebLoginRejection::Provider,
            Err(error) => {
                self.advance(&page, &Phase::Returning, &Phase::Open).await?;
                return Err(match error {
                    error if error.is_name_of_another() => {
                        self.refuse_web_login(caller, WebLoginRejection::NameOfAnother, error)
                    }
                    error => error,
                });
            }
        };
        // The user may try again.
        self.advance(&page, &Phase::Returning, &Phase::Open).await?;
        let error = Error::Login(LoginError::WebLoginRejected { provider: known.to_string() });
        Err(self.refuse_web_login(caller, refused, error))
    }

    pub(crate) fn provider(&self, id: &str) -> Option<&Arc<dyn AuthProvider>> {
        self.parts.providers.iter().find(|provider| provider.id() == id)
    }
}
