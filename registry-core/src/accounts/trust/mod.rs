mod configure;
mod exchange;
mod pin;
mod record;
mod standing;
mod used;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::auth::TokenIssuer;
use crate::domain::trust::TrustKind;

pub(crate) use record::npm_user;
pub use record::{Trust, TrustBy, TrustPermission};

/// Which builds may publish without a stored token, where the owners of packages allow it.
#[derive(Debug, Clone)]
pub struct TrustedPublishing {
    /// The issuers of builds. Default: none, so that no build may publish.
    pub issuers: Vec<TrustedIssuer>,
    /// How long the token of a build is valid. One hour at most. Default 10 minutes.
    pub token_lifetime: Duration,
    /// Accepted audiences of identity tokens, besides `npm:` and the host of the registry's public URL. Without that
    /// URL, the host of a request is accepted only if it is local. Default: none.
    pub audiences: Vec<String>,
}

/// An issuer of identity tokens for builds.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// What `npm trust` calls it, such as `github`.
    pub name: String,
    /// Which claims identify its builds.
    pub kind: TrustKind,
    /// Verifies its tokens.
    pub issuer: Arc<dyn TokenIssuer>,
    /// Whether builds of pull requests may publish. Any user can open one, and some run with the rights of the
    /// repository.
    pub pull_requests: bool,
}

impl Default for TrustedPublishing {
    fn default() -> Self {
        Self { issuers: Vec::new(), token_lifetime: Duration::from_mins(10), audiences: Vec::new() }
    }
}

impl TrustedPublishing {
    fn issuer(&self, name: &str) -> Option<&TrustedIssuer> {
        self.issuers.iter().find(|issuer| issuer.name == name)
    }
}

/// A request to trust builds.
#[derive(Debug, Clone)]
pub struct TrustRequest {
    /// The name of the issuer, such as `github`.
    pub issuer: String,
    /// Which builds are trusted, as sent with `npm trust`.
    pub claims: Map<String, Value>,
    /// What the builds may do. Empty means to publish, which older clients send.
    pub permissions: Vec<TrustPermission>,
}

/// The token that a build gets for its identity token.
#[derive(Debug, Clone)]
pub struct ExchangedToken {
    /// The token. It is not stored: this is the only time it can be read.
    pub token: SecretString,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// When it expires.
    pub expires: DateTime<Utc>,
}
