//! What an operator does to the accounts and tokens of others. No access check is made: a process that reaches the store
//! can change it anyway. Events say that they came from the command line, and name the account as the principal.

use std::collections::BTreeMap;
use std::fmt::Display;

use futures::TryStreamExt as _;
use futures::future::try_join_all;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AccountChanged, Caller, PasswordLogin, Profile, SignedUp, TokenHash};
use crate::concurrency::detached;
use crate::error::{AccountError, LoginError};
use crate::events::{EventKind, SecondFactorMode, Via};
use crate::randomness::{Randomness, random_bytes};
use crate::storage::Key;

use super::names::{Account, LOCAL, NameClaim};
use super::two_factor::TwoFactorState;

/// How many records are read concurrently.
const AT_A_TIME: usize = 16;

/// A name of the registry, and the provider that owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedAccount {
    /// The name.
    pub name: String,
    /// The id of the provider that owns the name.
    pub provider: String,
    /// Whether the provider has the account. The names of removed accounts stay taken.
    pub exists: bool,
}

/// An account as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountOverview {
    /// The provider, as it displays itself.
    pub provider: String,
    /// The account there.
    pub profile: Profile,
    /// The groups of its local organizations and teams.
    pub groups: Vec<String>,
    /// The second factor, if any.
    pub two_factor: Option<TwoFactorState>,
}

impl Accounts {
    pub(crate) async fn list_accounts(&self) -> Result<Vec<ListedAccount>, Error> {
        let store = &self.parts.store;
        let mut names = BTreeMap::new();
        for found in store.list(&Key::accounts()?).try_collect::<Vec<_>>().await? {
            // Its name may be from before names were claimed.
            if let Some(name) = Key::account_at(&found.path) {
                names.insert(name, LOCAL.to_owned());
            }
        }
        for found in store.list(&Key::name_claims()?).try_collect::<Vec<_>>().await? {
            let Some(blob) = store.get(&found.path).await? else { continue };
            let claim: NameClaim =
                serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(error.into()))?;
            names.insert(claim.name().to_owned(), claim.provider().to_owned());
        }
        let names: Vec<_> = names.into_iter().collect();
        let mut listed = Vec::with_capacity(names.len());
        for some in names.chunks(AT_A_TIME) {
            let look_up = some.iter().map(async |(name, provider)| {
                let exists = self.account_of(name).await?.is_some();
                Ok::<_, Error>(ListedAccount { name: name.clone(), provider: provider.clone(), exists })
            });
            listed.extend(try_join_all(look_up).await?);
        }
        Ok(listed)
    }

    pub(crate) async fn account_overview(&self, account: &str) -> Result<AccountOverview, Error> {
        let Account { provider, profile } = self.require_known(account).await?;
        let name = &profile.principal.name;
        let memberships = self.parts.memberships.memberships_of(name).await?;
        let (groups, two_factor) = (memberships.groups().to_vec(), self.two_factor_of(name).await?);
        Ok(AccountOverview { provider: provider.to_string(), profile, groups, two_factor })
    }

    /// Adds an account with a random password, and returns the password. A reserved name becomes the account's.
    pub(crate) async fn add_account(
        &self,
        account: &str,
        email: Option<&str>,
    ) -> Result<SecretString, Error> {
        let (accounts, password) = (self.clone(), new_password(self.parts.randomness.as_ref()));
        let login = PasswordLogin {
            name: account.to_owned(),
            password: password.clone(),
            email: email.map(Into::into),
        };
        detached(async move {
            // An unmounted storage has no accounts either.
            accounts.parts.store.confirm_absence().await?;
            let (name, provider) = (&login.name, accounts.provider(LOCAL));
            let provider = provider.ok_or(Error::Account(AccountError::NoneAdded))?;
            accounts.require_free_for(provider.id(), name).await?;
            // Of the name, nothing is known before it is the provider's, which rejects names that are none.
            match provider.add_account(&login).await? {
                SignedUp::Principal(principal) => {
                    let name = accounts.admit_for_operator(provider.id(), principal).await?.name;
                    // A second factor of an earlier account of that name is not of this one.
                    accounts.parts.store.delete(&Key::TwoFactor(&name).path()?).await?;
                    accounts.parts.tokens.forget_two_factor(&name);
                    accounts.authorization.emit(&operator_as(&name), None, EventKind::SignedUp);
                    Ok(password)
                }
                SignedUp::NameTaken => Err(Error::Login(LoginError::NameTaken)),
                SignedUp::NotOffered => Err(Error::Account(AccountError::NoneAdded)),
            }
        })
        .await
    }

    pub(crate) async fn remove_account(&self, account: &str) -> Result<(), Error> {
        let (accounts, account) = (self.clone(), account.to_owned());
        detached(async move {
            let Account { provider, profile } = accounts.require_known(&account).await?;
            // The name stays taken, also one from before names were claimed.
            let name = accounts.admit(provider.id(), profile.principal).await?.name;
            accounts.close_sign_up(&name).await?;
            if !provider.remove_account(&name).await? {
                return Err(managed_by(&name, provider, "remove it"));
            }
            accounts.authorization.emit(&operator_as(&name), None, EventKind::AccountRemoved);
            // Its tokens are invalid already. They go last, since many of them take long.
            accounts.parts.store.delete(&Key::TwoFactor(&name).path()?).await?;
            accounts.parts.tokens.forget_two_factor(&name);
            for (hash, record) in accounts.listed_tokens_of(&name).await? {
                accounts.forget_token(hash, &record).await?;
            }
            accounts.parts.tokens.remove_all();
            Ok(())
        })
        .await
    }

    pub(crate) async fn reset_password(&self, account: &str) -> Result<SecretString, Error> {
        let (accounts, account) = (self.clone(), account.to_owned());
        detached(async move {
            let Account { provider, profile } = accounts.require_known(&account).await?;
            let name = profile.principal.name;
            let password = new_password(accounts.parts.randomness.as_ref());
            match provider.reset_password(&name, &password).await? {
                AccountChanged::Profile(_) => {}
                AccountChanged::WrongPassword | AccountChanged::NotOffered => {
                    return Err(managed_by(&name, provider, "change its password"));
                }
            }
            accounts.sessions_have_ended(&name);
            accounts.parts.tokens.remove_all();
            accounts.authorization.emit(&operator_as(&name), None, EventKind::PasswordChanged);
            Ok(password)
        })
        .await
    }

    pub(crate) async fn reset_two_factor(&self, account: &str) -> Result<bool, Error> {
        let (accounts, account) = (self.clone(), account.to_owned());
        detached(async move {
            let name = accounts.require_known(&account).await?.profile.principal.name;
            if accounts.two_factor_of(&name).await?.is_none() {
                return Ok(false);
            }
            accounts.parts.store.delete(&Key::TwoFactor(&name).path()?).await?;
            accounts.parts.tokens.forget_two_factor(&name);
            let mode = SecondFactorMode::Disabled;
            accounts.authorization.emit(&operator_as(&name), None, EventKind::TwoFactorChanged { mode });
            Ok(true)
        })
        .await
    }

    /// Revokes a token of any account. Returns the holder.
    pub(crate) async fn revoke_token_of_any(&self, key_or_token: &SecretString) -> Result<String, Error> {
        let (accounts, wanted) = (self.clone(), key_or_token.clone());
        detached(async move {
            let text = wanted.expose_secret();
            let hash = TokenHash::from_hex(text).unwrap_or_else(|| TokenHash::of(&wanted));
            let Some(record) = accounts.token_record(&hash.to_hex()).await? else {
                return Err(Error::Account(AccountError::NoSuchToken));
            };
            accounts.forget_token(hash, &record).await?;
            let holder = record.holder.name().to_owned();
            let told = EventKind::TokenRevoked { key: hash.to_hex(), holder: holder.clone() };
            accounts.authorization.emit(&Caller::operator(), None, told);
            Ok(holder)
        })
        .await
    }

    async fn require_known(&self, account: &str) -> Result<Account<'_>, Error> {
        let found = self.account_of(account).await?;
        found.ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))
    }
}

/// At the command line, an account is named and not proved.
fn operator_as(account: &str) -> Caller {
    Caller::anonymous().named(account).coming_via(Via::CommandLine)
}

fn managed_by(account: &str, provider: &dyn Display, action: &'static str) -> Error {
    let (account, provider) = (account.to_owned(), provider.to_string());
    Error::Account(AccountError::ManagedElsewhere { account, provider, action })
}

/// Letters and digits that are not easily confused when they are read aloud.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Returns a password of 120 random bits.
fn new_password(randomness: &dyn Randomness) -> SecretString {
    let letters = random_bytes::<24>(randomness).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    letters.iter().collect::<String>().into()
}
