//! The contract with whoever knows the users: credential in, [`Principal`] out.
//!
//! A provider says who somebody is. It never says what they may do: that is decided by [`crate::access`] alone.
//!
//! ```
//! use registry_core::auth::{Credential, Principal};
//! let credential = Credential::from_authorization("Bearer npm_secret").unwrap();
//! assert!(matches!(credential, Credential::Bearer(_)));
//! assert!(!format!("{credential:?}").contains("secret"));
//! assert_eq!(Principal::user("ana").name, "ana");
//! ```

mod device_login;
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
#[cfg(any(feature = "github", feature = "openid"))]
mod vouched;

use std::fmt::{Debug, Display};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::vocabulary::BoxError;

pub use crate::vocabulary::{
    Caller, Credential, Memberships, OrganizationPermission, Principal, PrincipalKind, TokenKind,
    TokenLimits, TokenOrganizations, TokenPermission, TrustedPublisher,
};
pub(crate) use crate::vocabulary::{Shown, TokenHash};
pub(crate) use device_login::asks_for_device;
pub use device_login::{DEVICE_PASSWORD, DeviceLogin, DevicePoll};
#[cfg(feature = "htpasswd")]
pub use htpasswd::{Htpasswd, HtpasswdError};
#[cfg(feature = "local-accounts")]
pub use local_accounts::{LocalAccounts, PasswordCost};
pub use profile::{AccountChange, AccountChanged, NewPassword, Profile, ProfileDetails, ProfileField};
pub use token_issuer::{IdToken, IdTokenRefusal, TokenIssuer, Verified};

/// Why a provider could not say who somebody is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The provider, or what it asks, did not answer. Nobody is let in, and trying again may help.
    #[error("{provider} did not answer")]
    Unavailable {
        /// The provider, as it displays itself.
        provider: String,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The provider cannot take what was given, for a reason that the user can mend.
    #[error("{reason}")]
    Unacceptable {
        /// What is wrong and what to do, for the user to read.
        reason: String,
    },
}

/// What came of showing a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    /// The credential is good, and this is who holds it.
    Principal(Principal),
    /// The credential is of a kind this provider knows, and it is not good.
    Rejected,
    /// Not a credential of this provider: ask the next one.
    NotMine,
}

/// Name and password, as a client's login sends them.
#[derive(Debug, Clone)]
pub struct PasswordLogin {
    /// The name, as typed.
    pub name: String,
    /// The password, or what was pasted in its place.
    pub password: SecretString,
    /// The mail address, which some clients ask for at sign-up.
    pub email: Option<String>,
}

/// What came of a login with name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedIn {
    /// Name and password are good.
    Principal(Principal),
    /// The account exists, and the password is wrong.
    WrongPassword,
    /// This provider has no such account, or takes no passwords: ask the next one.
    NoSuchAccount,
}

/// What came of asking for a new account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedUp {
    /// The account was made.
    Principal(Principal),
    /// Somebody has that name.
    NameTaken,
    /// This provider makes no accounts.
    NotOffered,
}

/// Where a browser login is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebLogin {
    /// The page to open in the browser.
    pub url: Url,
    /// What the provider needs to finish this login, kept by the registry until then and shown to nobody.
    pub state: String,
}

/// Knows users.
///
/// # Contract
///
/// - A name belongs to one provider, capitals aside: to the first whose people came with it. The registry sees to that
///   and refuses the name to all others. Of two registered providers with one id, the second is never asked.
/// - A provider whose names can change hands says so in [`Principal::subject`], the same in every answer.
/// - A provider answers only for itself: what it does not know it leaves to the next one ([`Identified::NotMine`],
///   [`LoggedIn::NoSuchAccount`], [`SignedUp::NotOffered`], [`AccountChanged::NotOffered`], `None`).
/// - An answer that cannot be had is [`AuthError::Unavailable`], never "rejected" and never "accepted".
/// - `identify` and `look_up` are asked often: whoever asks another service keeps its answers for a short while.
/// - Comparing secrets takes the same time whether they match or not; slow hashing happens off the async threads.
/// - Secrets appear in no error, no `Debug` and no `Display`.
/// - `revoke` is idempotent.
///
/// A method with a default says that the provider does not offer this: a provider writes those that it offers. One that
/// wraps another passes every method on.
#[async_trait]
pub trait AuthProvider: Debug + Display + Send + Sync + 'static {
    /// A short name that never changes, such as `local`. Tokens remember it.
    fn id(&self) -> &'static str;

    /// Who holds this credential.
    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError>;

    /// Logs in with name and password. Default: it takes no passwords.
    async fn log_in(&self, _login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        Ok(LoggedIn::NoSuchAccount)
    }

    /// Whether [`AuthProvider::sign_up`] makes an account of this, provided that the name is free; what no account can be
    /// made of is [`AuthError::Unacceptable`]. The registry asks before it claims the name for this provider. Default: it
    /// makes no accounts, and `sign_up` is never called.
    async fn offers_sign_up(&self, _login: &PasswordLogin) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// Makes a new account. Default: it makes none.
    async fn sign_up(&self, _login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        Ok(SignedUp::NotOffered)
    }

    /// Why `sign_up` would refuse this password, whether or not the name is taken; `None`, as by default, where it would
    /// not, or where the provider makes no accounts. A login that may also be a sign-up asks this first, so that its
    /// answer does not tell which names are taken.
    async fn refuses_password(&self, _login: &PasswordLogin) -> Result<Option<String>, AuthError> {
        Ok(None)
    }

    /// What is known of the account `name` now; `None` once it is gone, which ends its tokens too.
    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError>;

    /// Whether this provider has, or had, a person of this name, capitals aside. The registry asks before another
    /// provider's people may have a name that is nobody's yet. Default: whether `look_up` finds the name as it is, or in
    /// small letters.
    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        if self.look_up(name).await?.is_some() {
            return Ok(true);
        }
        let small = name.to_lowercase();
        Ok(small != name && self.look_up(&small).await?.is_some())
    }

    /// Whether the settings of this provider name a group, or an organization, of this name, capitals aside. An organisation
    /// of the registry's own that is called so is made by administrators only. Default: they name none.
    fn has_group(&self, _name: &str) -> bool {
        false
    }

    /// Changes what is stored of the account `name`: all that is asked for, or nothing.
    ///
    /// A new password ends the sessions: from then on, `look_up` answers with the moment in
    /// [`ProfileDetails::sessions_since`]. Default: it changes nothing.
    async fn change_account(
        &self,
        _name: &str,
        _change: &AccountChange,
    ) -> Result<AccountChanged, AuthError> {
        Ok(AccountChanged::NotOffered)
    }

    /// Begins a login in the browser that ends at `callback`; `None`, as by default, where the provider has none.
    async fn start_web_login(&self, _callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        Ok(None)
    }

    /// Ends a login in the browser, given the kept state and the query string the browser came back with.
    async fn finish_web_login(&self, _state: &str, _query: &str) -> Result<Identified, AuthError> {
        Ok(Identified::NotMine)
    }

    /// Begins a login at a terminal: its user types a short code into a page of the provider, in a browser anywhere.
    /// `None`, as by default, where the provider has none.
    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        Ok(None)
    }

    /// Asks, given the kept state, whether the user has typed the code. To be asked no more often than was said.
    async fn poll_device_login(&self, _state: &SecretString) -> Result<DevicePoll, AuthError> {
        Ok(DevicePoll::Finished(Identified::NotMine))
    }

    /// Makes a credential of this provider useless, where the provider can. By default it cannot.
    async fn revoke(&self, _credential: &Credential) -> Result<(), AuthError> {
        Ok(())
    }
}
