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

/// Whose builds may publish without a stored token, where the owners of packages say so.
#[derive(Debug, Clone)]
pub struct TrustedPublishing {
    /// Who vouches for builds. Default: nobody, so that none may.
    pub issuers: Vec<TrustedIssuer>,
    /// For how long the token is good that a build gets. An hour at most. Default 10 minutes.
    pub token_lifetime: Duration,
    /// What the tokens of builds may be meant for, besides `npm:` and the host of the registry's public URL. Without
    /// that URL, what the request names is believed only of this machine itself. Default: nothing.
    pub audiences: Vec<String>,
}

/// Somebody who vouches for builds.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// What `npm trust` calls it, such as `github`.
    pub name: String,
    /// How its builds are told apart.
    pub kind: TrustKind,
    /// Who checks its tokens.
    pub issuer: Arc<dyn TokenIssuer>,
    /// Whether builds of pull requests may publish. Anybody can open one, and some run with the rights of the repository.
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

/// A trust that somebody asks for.
#[derive(Debug, Clone)]
pub struct TrustRequest {
    /// The name of the issuer, such as `github`.
    pub issuer: String,
    /// What tells the trusted builds from others, as [`TrustClaims`](crate::domain::trust::TrustClaims) reads it.
    pub claims: Map<String, Value>,
    /// What the builds may do. Empty means to publish, as clients of before meant it.
    pub permissions: Vec<TrustPermission>,
}

/// What a build gets in exchange for its identity.
#[derive(Debug, Clone)]
pub struct ExchangedToken {
    /// The token. It is kept nowhere: this is the only time it can be read.
    pub token: SecretString,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Until when it is good.
    pub expires: DateTime<Utc>,
}
