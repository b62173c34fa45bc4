use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::recent::RecentLogins;
use super::{
    AuthError, AuthProvider, Credential, Identified, LoggedIn, PasswordLogin, Principal, Profile,
    ProfileDetails,
};
use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::vocabulary::BoxError;

mod apr1;
mod hash;
mod users;
mod watched;

use hash::Hash;
use users::Users;
use watched::Watched;

pub use users::{RejectedLine, SiftedHtpasswd};
pub use watched::HtpasswdError;

/// How many passwords are checked concurrently.
const AT_A_TIME: usize = 2;
/// The longest password in bytes. Bcrypt itself uses only the first 72, as Apache does.
const LONGEST_PASSWORD: usize = 1024;

/// Names and password hashes from a file in the format of Apache's `htpasswd` and Verdaccio: bcrypt, APR1 and SHA-1.
/// Plain text and Unix crypt are rejected.
///
/// - The file is checked on every call and read again when it has changed: a removed user is locked out at once,
///   apart from tokens, which a registry caches for some seconds.
/// - `open` fails for an unusable file. If the file becomes unusable later, the error is logged and the last users
///   remain.
/// - At most two passwords are checked concurrently, off the async threads. An unknown name takes as long as a wrong
///   password, which takes as long as the costliest hash in the file.
/// - Creates no accounts.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::auth::{AuthProvider, Htpasswd, LoggedIn, PasswordLogin};
/// use registry_core::clock::SystemClock;
/// use registry_core::randomness::SystemRandomness;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("htpasswd");
/// std::fs::write(&file, "ana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")?;
/// let htpasswd = Htpasswd::open(&file, Arc::new(SystemClock), &SystemRandomness)?;
/// let login = PasswordLogin { name: "ana".into(), password: "secret".into(), email: None };
/// assert!(matches!(htpasswd.log_in(&login).await?, LoggedIn::Principal(_)));
/// std::fs::write(&file, "")?;
/// assert_eq!(htpasswd.log_in(&login).await?, LoggedIn::NoSuchAccount);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Htpasswd {
    file: Arc<Watched>,
    recent: Arc<RecentLogins>,
    turns: Arc<Semaphore>,
}

impl Htpasswd {
    /// Reads the file. Blocks.
    pub fn open(
        file: &Path,
        clock: Arc<dyn Clock>,
        randomness: &dyn Randomness,
    ) -> Result<Self, HtpasswdError> {
        Ok(Self::prepare(file)?(clock, randomness))
    }

    /// Reads the file, and returns what makes the provider. Blocks.
    pub(crate) fn prepare(
        file: &Path,
    ) -> Result<impl FnOnce(Arc<dyn Clock>, &dyn Randomness) -> Self + Send + Sync + use<>, HtpasswdError>
    {
        let watched = Watched::prepare(file)?;
        Ok(|clock: Arc<dyn Clock>, randomness: &dyn Randomness| {
            let recent = Arc::new(RecentLogins::new(Arc::clone(&clock), randomness));
            let file = Arc::new(watched(clock));
            Self { file, recent, turns: Arc::new(Semaphore::new(AT_A_TIME)) }
        })
    }

    async fn users(&self) -> Result<Arc<Users>, AuthError> {
        let file = Arc::clone(&self.file);
        self.elsewhere(move || file.users()).await
    }

    /// Checks a password. With `remember`, a recently checked one is not hashed again, unless the file now has
    /// another hash for that name.
    async fn check(
        &self,
        name: &str,
        password: &SecretString,
        remember: bool,
    ) -> Result<LoggedIn, AuthError> {
        let users = self.users().await?;
        let login = users.get(name).filter(|_| remember).map(|hash| {
            // The key includes the stored hash, so that a changed entry invalidates the cache.
            self.recent.hash(&format!("{name}:{}", hash.identity()), password)
        });
        if let Some(principal) = login.and_then(|login| self.recent.get(login)) {
            return Ok(LoggedIn::Principal(principal));
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| self.unavailable(error))?;
        // Concurrent requests of a client share one hash computation.
        if let Some(principal) = login.and_then(|login| self.recent.get(login)) {
            return Ok(LoggedIn::Principal(principal));
        }
        let (asked, password) = (name.to_owned(), password.clone());
        let outcome = self
            .elsewhere(move || {
                let outcome = try_password(&users, &asked, password.expose_secret().as_bytes());
                drop(turn);
                outcome
            })
            .await?;
        if let (Some(login), LoggedIn::Principal(principal)) = (login, &outcome) {
            self.recent.remember(login, principal);
        }
        Ok(outcome)
    }

    async fn elsewhere<Output: Send + 'static>(
        &self,
        work: impl FnOnce() -> Output + Send + 'static,
    ) -> Result<Output, AuthError> {
        tokio::task::spawn_blocking(work).await.map_err(|error| self.unavailable(error))
    }

    fn unavailable(&self, source: impl Into<BoxError>) -> AuthError {
        AuthError::Unavailable { provider: self.to_string(), source: source.into() }
    }
}

/// Any result but success takes the time of the costliest hash in the file.
fn try_password(users: &Users, name: &str, password: &[u8]) -> LoggedIn {
    if password.len() > LONGEST_PASSWORD {
        return if users.get(name).is_some() { LoggedIn::WrongPassword } else { LoggedIn::NoSuchAccount };
    }
    let waste = |spent: Option<&Hash>| {
        if let Some(costliest) = users.costliest()
            && spent.is_none_or(|spent| spent.cost() < costliest.cost())
        {
            costliest.is_of(password);
        }
    };
    match users.get(name) {
        Some(hash) if hash.is_of(password) => LoggedIn::Principal(Principal::user(name)),
        Some(hash) => {
            waste(Some(hash));
            LoggedIn::WrongPassword
        }
        None => {
            waste(None);
            LoggedIn::NoSuchAccount
        }
    }
}

#[async_trait]
impl AuthProvider for Htpasswd {
    fn id(&self) -> &'static str {
        "htpasswd"
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        let Credential::Basic { name, password } = credential else { return Ok(Identified::NotMine) };
        Ok(match self.check(name, password, true).await? {
            LoggedIn::Principal(principal) => Identified::Principal(principal),
            LoggedIn::WrongPassword => Identified::Rejected,
            LoggedIn::NoSuchAccount => Identified::NotMine,
        })
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        self.check(&login.name, &login.password, false).await
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let users = self.users().await?;
        let profile =
            || Profile { principal: Principal::user(name), email: None, details: ProfileDetails::default() };
        Ok(users.get(name).map(|_| profile()))
    }

    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        Ok(self.users().await?.has_name(name))
    }
}

impl fmt::Display for Htpasswd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "htpasswd {}", self.file.path().display())
    }
}

impl fmt::Debug for Htpasswd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Htpasswd").field("file", &self.file.path()).finish_non_exhaustive()
    }
}
