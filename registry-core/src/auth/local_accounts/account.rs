use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::passwords::is_hash;
use crate::auth::Principal;
use crate::blob::BlobPath;
use crate::clock::timestamp;

/// An account as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) email: Option<String>,
    /// The hash, as a PHC string.
    pub(super) password: String,
    #[serde(serialize_with = "as_timestamp")]
    pub(super) created: DateTime<Utc>,
    #[serde(serialize_with = "as_timestamp")]
    pub(super) updated: DateTime<Utc>,
}

/// What is stored at `path` is not that account. Says where in the text, and not what is there: that could be
/// the password's hash.
#[derive(Debug, thiserror::Error)]
#[error("{path} holds no account: {problem}; restore it, or remove it to free the name")]
pub(super) struct DamagedAccount {
    pub(super) path: BlobPath,
    pub(super) problem: String,
}

impl Account {
    pub(super) fn read(path: &BlobPath, name: &str, bytes: &[u8]) -> Result<Self, DamagedAccount> {
        let damaged = |problem| DamagedAccount { path: path.clone(), problem };
        let account: Self = serde_json::from_slice(bytes).map_err(|error| {
            damaged(format!("unexpected JSON at line {}, column {}", error.line(), error.column()))
        })?;
        if account.name != name {
            return Err(damaged("it is the account of somebody else".into()));
        }
        if !is_hash(&account.password) {
            return Err(damaged("its password is no hash".into()));
        }
        Ok(account)
    }

    pub(super) fn principal(&self) -> Principal {
        Principal { email: self.email.clone(), ..Principal::user(&self.name) }
    }
}

fn as_timestamp<Output: Serializer>(
    moment: &DateTime<Utc>,
    output: Output,
) -> Result<Output::Ok, Output::Error> {
    output.serialize_str(&timestamp(*moment))
}
