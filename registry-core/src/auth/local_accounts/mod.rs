use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, Identified, LoggedIn, PasswordLogin,
    Profile, SignedUp,
};
use crate::blob::{BlobETag, BlobStore, Key, PutOutcome, When};
use crate::clock::Clock;
use crate::error::BoxError;
use crate::randomness::Randomness;

mod acceptable;
mod account;
mod change;
mod passwords;
#[cfg(test)]
mod tests;

use super::recent::{LoginHash, RecentLogins};
use account::Account;
use passwords::Passwords;

pub use passwords::PasswordCost;

/// Accounts with name and password, kept in the object store, where every process that shares it sees them.
///
/// - A name has 1 to 64 small letters, digits, `-`, `_` and `.`, and begins with a letter or a digit.
/// - A password has at least 3 characters, since scripts on private networks are used to short ones, and at most
///   1024 bytes.
/// - Passwords are kept as Argon2id hashes. At most two are checked at a time, off the async threads. An unknown
///   name takes as long as a wrong password.
/// - Clients that send name and password with each request wait for that check once in 30 seconds. So long,
///   too, they may still be let in after their account was removed, or its password changed through another
///   process.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::auth::{AuthProvider, LocalAccounts, LoggedIn, PasswordLogin, SignedUp};
/// use registry_core::blob::ObjectStoreBlobs;
/// use registry_core::clock::SystemClock;
/// use registry_core::randomness::SystemRandomness;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Arc::new(ObjectStoreBlobs::in_memory());
/// let accounts = LocalAccounts::new(store, Arc::new(SystemClock), Arc::new(SystemRandomness));
/// let mut login = PasswordLogin { name: "ana".into(), password: "orange tree".into(), email: None };
/// assert!(matches!(accounts.sign_up(&login).await?, SignedUp::Principal(_)));
/// assert!(matches!(accounts.log_in(&login).await?, LoggedIn::Principal(_)));
/// login.password = "apple tree".into();
/// assert_eq!(accounts.log_in(&login).await?, LoggedIn::WrongPassword);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LocalAccounts {
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    passwords: Passwords,
    recent: RecentLogins,
    sign_up: bool,
}

impl LocalAccounts {
    /// The accounts in `store`, with sign-up on.
    pub fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        let recent = RecentLogins::new(Arc::clone(&clock), &*randomness);
        let passwords = Passwords::new(PasswordCost::default());
        Self { store, clock, randomness, passwords, recent, sign_up: true }
    }

    /// How much work new passwords are to guess. Passwords that are stored keep the cost they were stored with.
    #[must_use]
    pub fn with_password_cost(self, cost: PasswordCost) -> Self {
        Self { passwords: Passwords::new(cost), ..self }
    }

    /// Whether anybody may make an account.
    #[must_use]
    pub fn with_sign_up(self, sign_up: bool) -> Self {
        Self { sign_up, ..self }
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, AuthError> {
        Ok(self.stored_account(name).await?.map(|(account, _)| account))
    }

    /// An account, and the state that it is stored in.
    async fn stored_account(&self, name: &str) -> Result<Option<(Account, BlobETag)>, AuthError> {
        if !acceptable::is_name(name) {
            return Ok(None);
        }
        let path = Key::Account(name).path().map_err(unavailable)?;
        let Some(blob) = self.store.get(&path).await.map_err(unavailable)? else { return Ok(None) };
        let account = Account::read(&path, name, &blob.bytes).map_err(unavailable)?;
        Ok(Some((account, blob.etag)))
    }

    /// Checks name and password, unless they turn out to be remembered as `recent` when their turn comes: of
    /// many requests that a client starts at once, the first pays for the others.
    async fn check(
        &self,
        name: &str,
        password: &SecretString,
        recent: Option<LoginHash>,
    ) -> Result<LoggedIn, AuthError> {
        let account = self.account(name).await?;
        let turn = self.passwords.turn().await.map_err(unavailable)?;
        if let Some(principal) = recent.and_then(|login| self.recent.get(login)) {
            return Ok(LoggedIn::Principal(principal));
        }
        let Some(account) = account else {
            self.passwords.check_nothing(turn, password).await.map_err(unavailable)?;
            return Ok(LoggedIn::NoSuchAccount);
        };
        if !self.passwords.check(turn, password, &account.password).await.map_err(unavailable)? {
            return Ok(LoggedIn::WrongPassword);
        }
        let principal = account.principal();
        if let Some(login) = recent {
            self.recent.remember(login, &principal);
        }
        Ok(LoggedIn::Principal(principal))
    }
}

fn email_of(login: &PasswordLogin) -> Option<&str> {
    login.email.as_deref().filter(|email| !email.is_empty())
}

fn unavailable(source: impl Into<BoxError>) -> AuthError {
    AuthError::Unavailable { provider: "local accounts".into(), source: source.into() }
}

#[async_trait]
impl AuthProvider for LocalAccounts {
    fn id(&self) -> &'static str {
        "local"
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        let Credential::Basic { name, password } = credential else {
            return Ok(Identified::NotMine);
        };
        let login = self.recent.hash(name, password);
        if let Some(principal) = self.recent.get(login) {
            return Ok(Identified::Principal(principal));
        }
        Ok(match self.check(name, password, Some(login)).await? {
            LoggedIn::Principal(principal) => Identified::Principal(principal),
            LoggedIn::WrongPassword => Identified::Rejected,
            LoggedIn::NoSuchAccount => Identified::NotMine,
        })
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        self.check(&login.name, &login.password, None).await
    }

    async fn offers_sign_up(&self, login: &PasswordLogin) -> Result<bool, AuthError> {
        if !self.sign_up {
            return Ok(false);
        }
        acceptable::check(&login.name, &login.password, email_of(login))
            .map_err(|reason| AuthError::Unacceptable { reason })?;
        Ok(true)
    }

    async fn sign_up(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        if !self.offers_sign_up(login).await? {
            return Ok(SignedUp::NotOffered);
        }
        let email = email_of(login);
        let turn = self.passwords.turn().await.map_err(unavailable)?;
        let hash =
            self.passwords.hash(turn, &login.password, &*self.randomness).await.map_err(unavailable)?;
        let now = self.clock.now();
        let account = Account {
            name: login.name.clone(),
            email: email.map(Into::into),
            password: hash,
            created: now,
            updated: now,
            sessions_since: None,
            fields: BTreeMap::new(),
        };
        let json = serde_json::to_vec_pretty(&account).map_err(unavailable)?;
        let path = Key::Account(&account.name).path().map_err(unavailable)?;
        match self.store.put(&path, json.into(), When::Absent).await.map_err(unavailable)? {
            PutOutcome::Stored(_) => Ok(SignedUp::Principal(account.principal())),
            PutOutcome::Conflict => Ok(SignedUp::NameTaken),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let account = self.account(name).await?;
        Ok(account.map(|account| account.profile()))
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<AccountChanged, AuthError> {
        self.change(name, change).await
    }
}

impl fmt::Display for LocalAccounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("local accounts")
    }
}

impl fmt::Debug for LocalAccounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalAccounts")
            .field("store", &format_args!("{}", self.store))
            .field("passwords", &self.passwords)
            .field("recent", &self.recent)
            .field("sign_up", &self.sign_up)
            .finish_non_exhaustive()
    }
}
