//! Accounts: identification, sign-in at a terminal and in the browser, tokens, second factors, and trusted
//! publishing. The providers of accounts are in [`auth`](crate::auth).
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::error::{Error, PermissionError};
//! use registry_core::{Registry, auth::Caller, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let caller = registry.identify(None, None).await.unwrap();
//! assert!(matches!(registry.whoami(&caller), Err(Error::Permission(PermissionError::AuthenticationRequired))));
//! # });
//! ```

pub(crate) mod abuse;
pub(crate) mod account;
mod identify;
pub(crate) mod login;
mod login_answer;
pub(crate) mod names;
mod operator;
mod profiles;
pub(crate) mod tokens;
pub(crate) mod trust;
pub(crate) mod two_factor;
pub(crate) mod web_login;

pub use account::OwnProfile;
pub use login_answer::{LoginAnswer, Session};
pub use operator::{AccountOverview, ListedAccount};
pub(crate) use profiles::whoami;
pub use tokens::{HeldToken, MadeToken, NewToken, TokenHolder, TokenInfo, TokenOptions, TokenRequest};
pub use trust::{
    ExchangedToken, Trust, TrustBy, TrustPermission, TrustRequest, TrustedIssuer, TrustedPublishing,
};

pub use two_factor::{TwoFactorChanged, TwoFactorMode, TwoFactorState};

use std::sync::Arc;

use crate::auth::AuthProvider;
use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::clock::Clock;
use crate::limits::TokenLifetimes;
use crate::memberships::MembershipLookup;
use crate::proxy::{Proxy, ProxyParts};
use crate::randomness::Randomness;
use crate::storage::Storage;
use abuse::Abuse;
use tokens::TokenCache;
use web_login::WebLogins;

/// Signs callers in, and keeps what belongs to their accounts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts {
    parts: Arc<AccountsParts>,
    authorization: Authorization,
}

/// What an operator decides about accounts.
pub(crate) struct AccountSettings {
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) token_lifetimes: TokenLifetimes,
    pub(crate) trusted_publishing: TrustedPublishing,
}

/// What [`Accounts`] works with.
pub(crate) struct AccountsParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) providers: Vec<Arc<dyn AuthProvider>>,
    pub(crate) settings: AccountSettings,
    pub(crate) abuse: Abuse,
    pub(crate) tokens: TokenCache,
    pub(crate) web_logins: WebLogins,
    pub(crate) memberships: MembershipLookup,
    pub(crate) catalog: Arc<CatalogParts>,
    pub(crate) proxy: Arc<ProxyParts>,
}

impl Accounts {
    pub(crate) fn new(parts: &Arc<AccountsParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    /// The same service, deciding by the access rules as they are now.
    fn with_access_snapshot(&self) -> Self {
        Self { authorization: self.authorization.with_access_snapshot(), ..self.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }

    /// For changes of what many credentials give.
    pub(crate) fn forget_identities(&self) {
        self.parts.tokens.remove_all();
    }
}
