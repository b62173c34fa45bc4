//! OpenID Connect: issuers of signed tokens.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::auth::openid::{Issuer, IssuerSettings};
//! use registry_core::auth::{TokenIssuer, Verified};
//! use registry_core::clock::SystemClock;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Once, when the process starts.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//!
//! let issuer = Issuer::new(IssuerSettings::new("https://issuer.example"), Arc::new(SystemClock))?;
//! // Tokens of other issuers are left to other providers, without a request.
//! let foreign = "npm_0123456789abcdefghijklmnopqrstuvwxyz".into();
//! assert_eq!(issuer.verify(&foreign, &["npm:registry.example".into()]).await?, Verified::NotMine);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claims;
mod error;
mod fetch;
mod issuer;
mod jwt;
mod keys;
mod member;
mod provider;
mod settings;
mod web_login;

pub use error::OpenIdError;
pub use issuer::{Issuer, IssuerSettings};
pub use provider::OpenId;
pub use settings::OpenIdSettings;
