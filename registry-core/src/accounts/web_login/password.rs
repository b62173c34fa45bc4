use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::login::Wanted;
use crate::accounts::login_answer::LoginStep;
use crate::auth::{Caller, PasswordLogin};
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::network::network_of;

use super::record::{Phase, Purpose, Who};
use super::session_token::SessionToken;

impl Accounts {
    /// Continues with a login by name and password, or with a new account of that name.
    pub(crate) async fn web_login_with_password(
        &self,
        caller: &Caller,
        page: &SessionToken,
        browser: &SecretString,
        login: PasswordLogin,
        create: bool,
    ) -> Result<(), Error> {
        let session = self.begin_step(caller, page, browser, &Phase::Open).await?;
        if !matches!(session.purpose, Purpose::Login { .. }) {
            return Err(Error::Login(LoginError::WebLoginGone));
        }
        let (accounts, caller, page) = (self.clone(), caller.clone(), page.clone());
        detached(async move {
            let wanted = if create { Wanted::SignUp } else { Wanted::LogIn };
            let LoginStep::Authenticated(known) = accounts.authenticate(&caller, &login, wanted).await?
            else {
                return Err(Error::internal("a login in the browser was given a code for a terminal"));
            };
            let (provider, account) = (known.provider.to_owned(), known.principal.name);
            let who = Who { provider, account, since: known.since, network: caller.address.map(network_of) };
            accounts.finish_step(&caller, &page, &Phase::Open, who).await
        })
        .await
    }
}
