use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::auth::{Principal, TokenLimits};

/// A token as it is stored, under the hash of its secret. The secret itself is never stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    #[serde(flatten)]
    pub(crate) holder: TokenHolder,
    pub(super) created: DateTime<Utc>,
    /// The name that its holder gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Its purpose, if its holder gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// The first characters of the secret, so that its holder can recognize it. They are 24 of its 214 random bits,
    /// and the rest is as hard to guess as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
    /// The network of the sign-in that began the session. Use of the session keeps that network known, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_in_at: Option<IpAddr>,
    #[serde(flatten)]
    pub(super) limits: TokenLimits,
}

/// The holder of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenHolder {
    /// An account. Its provider supplies what it may do, and whether it still exists, on each use.
    Account {
        /// The id of the provider.
        provider: String,
        /// The name of the account.
        account: String,
    },
    /// A holder without a provider, such as a build, which exists only through the token.
    Principal {
        /// The principal.
        principal: Principal,
    },
}

impl TokenHolder {
    /// Returns the holder's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Account { account, .. } => account,
            Self::Principal { principal } => &principal.name,
        }
    }
}
