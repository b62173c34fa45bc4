//! Accounts: who calls, sign-in at a terminal and in the browser, tokens, second factors, and builds that publish without a
//! stored token. The providers of accounts are in [`auth`](crate::auth).
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Error, Registry, auth::Caller, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let caller = registry.identify(None, None).await.unwrap();
//! assert!(matches!(registry.whoami(&caller), Err(Error::AuthenticationRequired)));
//! # });
//! ```

pub(crate) mod abuse;
pub(crate) mod account;
mod identify;
pub(crate) mod login;
pub(crate) mod names;
pub(crate) mod tokens;
pub(crate) mod trust;
pub(crate) mod two_factor;
mod users;
pub(crate) mod web_login;

pub use account::OwnProfile;
pub use login::Session;
pub use tokens::{MadeToken, NewToken, TokenHolder, TokenInfo, TokenOptions, TokenRequest};
pub use trust::{
    ExchangedToken, Trust, TrustBy, TrustPermission, TrustRequest, TrustedIssuer, TrustedPublishing,
};
pub use two_factor::{TwoFactorChanged, TwoFactorMode, TwoFactorState};
