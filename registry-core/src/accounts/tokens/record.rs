use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::auth::{Principal, TokenLimits};

/// What is stored of a token, under the hash of its secret. The secret itself is shown once and kept nowhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TokenRecord {
    #[serde(flatten)]
    pub(super) holder: TokenHolder,
    pub(super) created: DateTime<Utc>,
    /// What its holder calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// What it is for, as its holder says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// How the secret begins, so that its holder tells it from others. 24 of its 214 random bits: what is left takes
    /// as long to guess as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
    /// The network of the sign-in that a session began with. Using the session keeps that network known, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_in_at: Option<IpAddr>,
    #[serde(flatten)]
    pub(super) limits: TokenLimits,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenHolder {
    /// An account. What it may do, and whether it still exists, its provider says each time.
    Account {
        /// The id of the provider.
        provider: String,
        /// The name of the account.
        account: String,
    },
    /// Somebody whom no provider knows, such as a build. The token is all there is of them.
    Principal {
        /// Who it is.
        principal: Principal,
    },
}

impl TokenHolder {
    /// The name that the holder goes by.
    pub fn name(&self) -> &str {
        match self {
            Self::Account { account, .. } => account,
            Self::Principal { principal } => &principal.name,
        }
    }
}
