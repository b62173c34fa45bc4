use chrono::TimeDelta;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::Error;
use crate::access::PackagePattern;
use crate::accounts::Accounts;
use crate::accounts::names::Account;
use crate::auth::{Caller, TokenHash, TokenKind, TokenLimits, TokenOrganizations, TokenPermission};
use crate::concurrency::detached;
use crate::error::AccountError;
use crate::events::EventKind;

use super::{NewToken, TokenHolder, TokenInfo};

/// The longest name or description in bytes.
const LONGEST_TEXT: usize = 255;
/// The most packages, the most organizations and the most networks that a token lists.
const MOST_ENTRIES: usize = 100;

/// The properties of a new token.
#[derive(Debug, Clone, Default)]
pub struct TokenOptions {
    /// Its name.
    pub name: Option<String>,
    /// Its purpose.
    pub description: Option<String>,
    /// What it may do to the packages below.
    pub permission: TokenPermission,
    /// The packages it is for, and nothing else; `None` for a token that is for all and whatever else its holder may.
    pub packages: Option<Vec<PackagePattern>>,
    /// The organizations it is for; `None` leaves that to the other limits: see [`TokenLimits::organizations`].
    pub organizations: Option<TokenOrganizations>,
    /// The networks it may be used from; empty for all.
    pub networks: Vec<IpNet>,
    /// Days until it expires; `None` leaves that to the registry.
    pub days: Option<u32>,
    /// Whether writes with it require no one-time password.
    pub bypass_two_factor: bool,
}

/// A request for a token by the holder of an account.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The password of the account, which is checked.
    pub password: Option<SecretString>,
    /// The properties of the token.
    pub options: TokenOptions,
}

/// A token that was created.
#[derive(Debug, Clone)]
pub struct MadeToken {
    /// The token itself. It is not stored: this is the only time it can be read.
    pub secret: SecretString,
    /// The stored information about it.
    pub info: TokenInfo,
}

impl Accounts {
    pub(crate) async fn create_token(
        &self,
        caller: &Caller,
        request: TokenRequest,
    ) -> Result<MadeToken, Error> {
        let (accounts, caller) = (self.clone(), caller.clone());
        detached(async move { accounts.create_token_here(&caller, request).await }).await
    }

    async fn create_token_here(&self, caller: &Caller, request: TokenRequest) -> Result<MadeToken, Error> {
        let account = self.require_account_change(caller)?.name.clone();
        check(&request.options)?;
        let most = self.parts.settings.token_lifetimes.most_days;
        if let (Some(days), Some(most)) = (request.options.days, most)
            && days > most
        {
            return Err(Error::request(format!(
                "a token of this registry lasts {most} days at most: ask for fewer with --expires={most}"
            )));
        }
        self.require_password(caller, request.password.as_ref()).await?;
        self.require_two_factor(caller).await?;
        let mut options = request.options;
        options.days = options.days.or(self.parts.settings.token_lifetimes.default_days).or(most);
        self.make_token(caller, &account, TokenKind::Granular, options).await
    }

    pub(crate) async fn create_operator_token(
        &self,
        account: &str,
        options: TokenOptions,
    ) -> Result<MadeToken, Error> {
        check(&options)?;
        let operator = Caller::operator();
        self.make_token(&operator, account, TokenKind::Operator, options).await
    }

    async fn make_token(
        &self,
        caller: &Caller,
        account: &str,
        kind: TokenKind,
        options: TokenOptions,
    ) -> Result<MadeToken, Error> {
        let holder = self.holder_of(account).await?;
        let now = self.parts.clock.now();
        let limits = TokenLimits {
            kind,
            expires: options.days.map(|days| now + TimeDelta::days(days.into())),
            permission: options.permission,
            packages: options.packages,
            organizations: options.organizations,
            networks: options.networks,
            bypass_two_factor: options.bypass_two_factor,
            publisher: None,
        };
        let account = holder.name().to_owned();
        let TokenOptions { name, description, .. } = options;
        let token = NewToken { holder, name, description, limits };
        let (secret, record) = self.issue_token_as_of(token, now, None).await?;
        let info = TokenInfo::of(TokenHash::of(&secret), record);
        let told = EventKind::TokenCreated {
            key: info.key.clone(),
            holder: account,
            name: info.name.clone(),
            expires: info.limits.expires,
        };
        self.authorization.emit(caller, None, told);
        Ok(MadeToken { secret, info })
    }

    /// Returns an account as the holder of a token, after its name is claimed.
    pub(crate) async fn holder_of(&self, account: &str) -> Result<TokenHolder, Error> {
        let found = self.account_of(account).await?;
        let Account { provider, profile } =
            found.ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))?;
        let principal = self.admit(provider.id(), profile.principal).await?;
        Ok(TokenHolder::Account { provider: provider.id().to_owned(), account: principal.name })
    }
}

/// Rejects invalid options.
fn check(options: &TokenOptions) -> Result<(), Error> {
    let texts = [("name", &options.name), ("description", &options.description)];
    for (what, text) in texts {
        if text.as_ref().is_some_and(|text| text.len() > LONGEST_TEXT || text.chars().any(char::is_control)) {
            return Err(Error::request(format!(
                "the {what} of a token has at most {LONGEST_TEXT} bytes and no control characters: give a shorter one"
            )));
        }
    }
    if options.days == Some(0) {
        return Err(Error::request("a token lasts one day at least: ask for more with --expires=1"));
    }
    let packages = options.packages.as_ref().map_or(0, Vec::len);
    let organizations = options.organizations.as_ref().map_or(0, |limits| limits.names.len());
    if packages > MOST_ENTRIES || options.networks.len() > MOST_ENTRIES || organizations > MOST_ENTRIES {
        return Err(Error::request(format!(
            "a token lists at most {MOST_ENTRIES} packages and scopes, and as many organizations and \
             networks: use a scope, or make several tokens"
        )));
    }
    Ok(())
}
