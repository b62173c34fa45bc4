use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;

use super::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, Identified, LoggedIn, PasswordLogin,
    Principal, Profile, SignedUp,
};
use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::{BlobETag, BlobStore, Key, PutOutcome, When};
use crate::vocabulary::BoxError;

mod acceptable;
mod account;
mod change;
mod passwords;
mod strength;
#[cfg(test)]
mod tests;

use super::recent::{LIFETIME, LoginHash, RecentLogins};
use account::Account;
use passwords::Passwords;

pub use passwords::PasswordCost;

/// Accounts with name and password in the object store, shared by every process that uses it.
///
/// - A name has 1 to 64 lowercase letters, digits, `-`, `_` and `.`, and begins with a letter or a digit. A new one
///   ends with one too.
/// - A new password has at least 8 characters and at most 1024 bytes, and is not easily guessed: neither a common
///   one, nor one made of the account's own name. Accounts that already have such a password can still log in.
/// - Passwords are stored as Argon2id hashes. At most two are checked concurrently, off the async threads. An unknown
///   name takes as long as a wrong password.
/// - For clients that send name and password with each request, the check runs once in 30 seconds, and the stored
///   account is read every 5 seconds. Until then a client may still be let in after its account was removed, or its
///   password changed, through another process; through this process the change applies at once. See
///   [`LocalAccounts::with_password_cache`].
///
/// ```
/// use std::sync::Arc;
/// use registry_core::auth::{AuthProvider, LocalAccounts, LoggedIn, PasswordLogin, SignedUp};
/// use registry_core::storage::ObjectStoreBlobs;
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
    /// Passwords that need no read of the store.
    recent: RecentLogins,
    /// Passwords that need no hashing while the account's stored hash stays the same.
    hashed: RecentLogins,
    /// The number of password changes in this process.
    changes: AtomicU64,
    sign_up: bool,
}

/// How long a password is cached without a read of the store.
const BELIEVED: Duration = Duration::from_secs(5);

impl LocalAccounts {
    /// Uses the accounts in `store`, with sign-up enabled.
    pub fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        let hashed = RecentLogins::new(Arc::clone(&clock), &*randomness);
        let recent = hashed.lasting(TimeDelta::seconds(BELIEVED.as_secs().cast_signed()));
        let passwords = Passwords::new(PasswordCost::default());
        let changes = AtomicU64::new(0);
        Self { store, clock, randomness, passwords, recent, hashed, changes, sign_up: true }
    }

    /// Sets how long a right password is cached without a read of the stored account. Default 5 seconds; zero reads
    /// the account on each request. At most 30 seconds.
    #[must_use]
    pub fn with_password_cache(self, time: Duration) -> Self {
        let recent = self.hashed.lasting(TimeDelta::from_std(time).unwrap_or(LIFETIME).min(LIFETIME));
        Self { recent, ..self }
    }

    /// Sets the cost of new password hashes. Stored hashes keep their cost.
    #[must_use]
    pub fn with_password_cost(self, cost: PasswordCost) -> Self {
        Self { passwords: Passwords::new(cost), ..self }
    }

    /// Sets whether new accounts may be created.
    #[must_use]
    pub fn with_sign_up(self, sign_up: bool) -> Self {
        Self { sign_up, ..self }
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, AuthError> {
        Ok(self.stored_account(name).await?.map(|(account, _)| account))
    }

    /// Returns an account and its `ETag`.
    async fn stored_account(&self, name: &str) -> Result<Option<(Account, BlobETag)>, AuthError> {
        if !acceptable::is_name(name) {
            return Ok(None);
        }
        let path = Key::Account(name).path().map_err(unavailable)?;
        let Some(blob) = self.store.get(&path).await.map_err(unavailable)? else { return Ok(None) };
        let account = Account::read(&path, name, &blob.bytes).map_err(unavailable)?;
        Ok(Some((account, blob.etag)))
    }

    /// Checks name and password. With `recent`, concurrent requests of a client share one check, and a password is
    /// not hashed again while the stored hash stays the same.
    async fn check(
        &self,
        name: &str,
        password: &SecretString,
        recent: Option<LoginHash>,
    ) -> Result<LoggedIn, AuthError> {
        let changes = self.changes.load(Ordering::SeqCst);
        let account = self.account(name).await?;
        let hashed = account.as_ref().filter(|_| recent.is_some()).map(|account| {
            // The key includes the stored hash, so that a changed password invalidates the cache.
            self.hashed.hash(&format!("{name}:{}", account.password), password)
        });
        let known = || {
            let recent = recent.and_then(|login| self.recent.get(login));
            recent.or_else(|| hashed.and_then(|login| self.hashed.get(login)))
        };
        if let Some(principal) = known() {
            self.remember(recent, &principal, changes);
            return Ok(LoggedIn::Principal(principal));
        }
        let turn = self.passwords.turn().await.map_err(unavailable)?;
        if let Some(principal) = known() {
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
        if let Some(login) = hashed {
            self.hashed.remember(login, &principal);
        }
        self.remember(recent, &principal, changes);
        Ok(LoggedIn::Principal(principal))
    }

    async fn create(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
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

    /// Caches a right password, unless one was changed since the account was read.
    fn remember(&self, recent: Option<LoginHash>, principal: &Principal, changes: u64) {
        let Some(login) = recent else { return };
        self.recent.remember(login, principal);
        if self.changes.load(Ordering::SeqCst) != changes {
            self.recent.forget(login);
        }
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
        self.check_strength(&login.password, &[&login.name, email_of(login).unwrap_or_default()]).await?;
        Ok(true)
    }

    async fn sign_up(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        if !self.offers_sign_up(login).await? {
            return Ok(SignedUp::NotOffered);
        }
        self.create(login).await
    }

    async fn add_account(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        acceptable::check(&login.name, &login.password, email_of(login))
            .map_err(|reason| AuthError::Unacceptable { reason })?;
        self.create(login).await
    }
    async fn refuses_password(&self, login: &PasswordLogin) -> Result<Option<String>, AuthError> {
        if !self.sign_up {
            return Ok(None);
        }
        if let Err(reason) = acceptable::check_password(&login.password) {
            return Ok(Some(reason));
        }
        let email = email_of(login).unwrap_or_default();
        match self.check_strength(&login.password, &[&login.name, email]).await {
            Err(AuthError::Unacceptable { reason }) => Ok(Some(reason)),
            checked => checked.map(|()| None),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let account = self.account(name).await?;
        Ok(account.map(|account| account.profile()))
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<AccountChanged, AuthError> {
        self.change(name, change).await
    }

    async fn remove_account(&self, name: &str) -> Result<bool, AuthError> {
        self.remove(name).await
    }

    async fn reset_password(&self, name: &str, password: &SecretString) -> Result<AccountChanged, AuthError> {
        self.reset(name, password).await
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
