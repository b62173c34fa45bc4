//! The contract with providers of accounts: credential in, [`Principal`] out.
//!
//! A provider says who the principal is, and never what it may do. That is decided from access rules, limits of tokens
//! and grants of teams.
//!
//! ```
//! use registry_core::auth::{Credential, Principal};
//! let credential = Credential::from_authorization("Bearer npm_secret").unwrap();
//! assert!(matches!(credential, Credential::Bearer(_)));
//! assert!(!format!("{credential:?}").contains("secret"));
//! assert_eq!(Principal::user("ana").name, "ana");
//! ```

mod challenge;
mod device_login;
#[cfg(any(feature = "github", feature = "openid"))]
mod external_identity;
#[cfg(feature = "github")]
pub mod github;
#[cfg(feature = "htpasswd")]
mod htpasswd;
#[cfg(feature = "local-accounts")]
mod local_accounts;
#[cfg(feature = "openid")]
pub mod openid;
mod profile;
#[cfg(any(feature = "htpasswd", feature = "local-accounts"))]
mod recent;
mod token_issuer;

use std::fmt::{Debug, Display};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::vocabulary::BoxError;

pub use crate::vocabulary::{
    Caller, Credential, Memberships, OrganizationPermission, Principal, PrincipalKind, TokenKind,
    TokenLimits, TokenOrganizations, TokenPermission, TrustedPublisher,
};
pub(crate) use crate::vocabulary::{PresentedCredential, RequestOrigin, RequestedAction, TokenHash};
pub use challenge::{Challenge, DeviceCode};
pub(crate) use device_login::asks_for_device;
pub use device_login::{DEVICE_PASSWORD, DeviceLogin, DevicePoll};
#[cfg(feature = "htpasswd")]
pub use htpasswd::{Htpasswd, HtpasswdError, RejectedLine, SiftedHtpasswd};
#[cfg(feature = "local-accounts")]
pub use local_accounts::{LocalAccounts, PasswordCost};
pub use profile::{AccountChange, AccountChanged, NewPassword, Profile, ProfileDetails, ProfileField};
pub use token_issuer::{IdToken, IdTokenRefusal, TokenIssuer, Verified};

/// Why a provider could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The provider, or a service that it calls, did not answer. The caller is not let in, and a retry may help.
    #[error("{provider} did not answer")]
    Unavailable {
        /// The provider, as it displays itself.
        provider: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The input is not acceptable, for a reason that the user can fix.
    #[error("{reason}")]
    Unacceptable {
        /// What is wrong and what to do, as text for the user.
        reason: String,
    },
}

/// The result of checking a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    /// The credential is valid and belongs to this principal.
    Principal(Principal),
    /// The credential is of a kind this provider knows, and is not valid.
    Rejected,
    /// The credential is not of this provider: ask the next one.
    NotMine,
}

/// Name and password, as a client's login sends them.
#[derive(Debug, Clone)]
pub struct PasswordLogin {
    /// The name, as typed.
    pub name: String,
    /// The password, or a token pasted in its place.
    pub password: SecretString,
    /// The email address, which some clients ask for at sign-up.
    pub email: Option<String>,
}

/// The result of a login with name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedIn {
    /// Name and password match.
    Principal(Principal),
    /// The account exists, and the password is wrong.
    WrongPassword,
    /// This provider has no such account, or accepts no passwords: ask the next one.
    NoSuchAccount,
}

/// The result of a sign-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedUp {
    /// The account was created.
    Principal(Principal),
    /// The name is taken.
    NameTaken,
    /// This provider creates no accounts.
    NotOffered,
}

/// The start of a browser login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebLogin {
    /// The page to open in the browser.
    pub url: Url,
    /// The provider's state of this login, which the registry stores until the login ends and never reveals.
    pub state: String,
}

/// A provider of accounts.
///
/// # Contract
///
/// - A name, ignoring case, belongs to one provider: to the first whose account uses it. The registry enforces that
///   and rejects the name for all others. Of two registered providers with one id, the second is never asked.
/// - A provider whose names can change owners sets [`Principal::subject`], the same in every answer.
/// - A provider answers only for itself, and passes everything else to the next one ([`Identified::NotMine`],
///   [`LoggedIn::NoSuchAccount`], [`SignedUp::NotOffered`], [`AccountChanged::NotOffered`], `None`).
/// - A failure is [`AuthError::Unavailable`], never "rejected" and never "accepted".
/// - `identify` and `look_up` are called often: a provider that calls another service caches its answers for a short
///   time.
/// - Comparing secrets takes the same time whether they match or not; slow hashing runs off the async threads.
/// - Secrets appear in no error, no `Debug` and no `Display`.
/// - `revoke` is idempotent.
///
/// The default of a method means that the provider does not offer the operation. A provider that wraps another
/// forwards every method.
#[async_trait]
pub trait AuthProvider: Debug + Display + Send + Sync + 'static {
    /// Returns a short name that never changes, such as `local`. It is stored with tokens.
    fn id(&self) -> &'static str;

    /// Identifies the principal that a credential belongs to.
    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError>;

    /// Logs in with name and password. Default: accepts no passwords.
    async fn log_in(&self, _login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        Ok(LoggedIn::NoSuchAccount)
    }

    /// Returns whether [`AuthProvider::sign_up`] creates an account from this input, provided that the name is free;
    /// an unacceptable input is [`AuthError::Unacceptable`]. The registry asks before it claims the name for this
    /// provider. Default: `false`, and `sign_up` is never called.
    async fn offers_sign_up(&self, _login: &PasswordLogin) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// Creates an account. Default: creates none.
    async fn sign_up(&self, _login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        Ok(SignedUp::NotOffered)
    }

    /// Creates an account on behalf of an operator, whether or not users may sign up. Default: creates none.
    async fn add_account(&self, _login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        Ok(SignedUp::NotOffered)
    }

    /// Returns why `sign_up` would reject this password, whether or not the name is taken; `None`, the default, if it
    /// would not, or if the provider creates no accounts. A login that may also be a sign-up asks this first, so that
    /// its answer does not reveal which names are taken.
    async fn refuses_password(&self, _login: &PasswordLogin) -> Result<Option<String>, AuthError> {
        Ok(None)
    }

    /// Returns the account `name` as it is now; `None` once it is gone, which ends its tokens too.
    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError>;

    /// Returns whether this provider has, or had, an account of this name, ignoring case. The registry asks before an
    /// account of another provider gets an unclaimed name. Default: whether `look_up` finds the name, or the name in
    /// lowercase.
    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        if self.look_up(name).await?.is_some() {
            return Ok(true);
        }
        let small = name.to_lowercase();
        Ok(small != name && self.look_up(&small).await?.is_some())
    }

    /// Returns whether the settings of this provider refer to a group or an organization of this name, ignoring case.
    /// Only administrators may create an organization of that name in the registry. Default: `false`.
    fn has_group(&self, _name: &str) -> bool {
        false
    }

    /// Changes the account `name`: all of the requested fields, or none.
    ///
    /// A new password ends the sessions: from then on, `look_up` returns the time of the change in
    /// [`ProfileDetails::sessions_since`]. Default: changes nothing.
    async fn change_account(
        &self,
        _name: &str,
        _change: &AccountChange,
    ) -> Result<AccountChanged, AuthError> {
        Ok(AccountChanged::NotOffered)
    }

    /// Removes the account `name` on behalf of an operator, which ends its tokens. Its name stays this provider's. Returns
    /// `false`, the default, if this provider removes no accounts, or has none of this name.
    async fn remove_account(&self, _name: &str) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// Sets the password of the account `name` on behalf of an operator, which ends its sessions as
    /// [`AuthProvider::change_account`] does. Default: sets none.
    async fn reset_password(
        &self,
        _name: &str,
        _password: &SecretString,
    ) -> Result<AccountChanged, AuthError> {
        Ok(AccountChanged::NotOffered)
    }

    /// Begins a browser login that ends at `callback`; `None`, the default, if the provider offers none.
    async fn start_web_login(&self, _callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        Ok(None)
    }

    /// Finishes a browser login, given the stored state and the query string that the browser came back with.
    async fn finish_web_login(&self, _state: &str, _query: &str) -> Result<Identified, AuthError> {
        Ok(Identified::NotMine)
    }

    /// Begins a terminal login: the user types a short code into a page of the provider, in any browser. `None`, the
    /// default, if the provider offers none.
    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        Ok(None)
    }

    /// Polls, given the stored state, whether the user has typed the code. Callers respect the interval of
    /// [`DeviceLogin`].
    async fn poll_device_login(&self, _state: &SecretString) -> Result<DevicePoll, AuthError> {
        Ok(DevicePoll::Finished(Identified::NotMine))
    }

    /// Revokes a credential of this provider, if the provider can. Default: does nothing.
    async fn revoke(&self, _credential: &Credential) -> Result<(), AuthError> {
        Ok(())
    }
}
