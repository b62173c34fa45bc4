use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::passwords::is_hash;
use crate::auth::{Principal, Profile, ProfileDetails, ProfileField};
use crate::clock::timestamp;
use crate::storage::BlobPath;

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
    /// When the password was changed, which ended earlier sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sessions_since: Option<DateTime<Utc>>,
    /// Profile fields by npm's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) fields: BTreeMap<String, String>,
}

/// The blob at `path` is not that account. The problem is described by position, without the text, which could
/// contain the password hash.
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
            return Err(damaged("it is the account of another user".into()));
        }
        if !is_hash(&account.password) {
            return Err(damaged("its password is no hash".into()));
        }
        Ok(account)
    }

    pub(super) fn principal(&self) -> Principal {
        Principal { email: self.email.clone(), ..Principal::user(&self.name) }
    }

    pub(super) fn profile(&self) -> Profile {
        let known = |field: ProfileField| Some((field, self.fields.get(field.as_str())?.clone()));
        let details = ProfileDetails {
            fields: ProfileField::ALL.into_iter().filter_map(known).collect(),
            created: Some(self.created),
            updated: Some(self.updated),
            sessions_since: self.sessions_since,
        };
        Profile { principal: self.principal(), email: self.email.clone(), details }
    }
}

fn as_timestamp<Output: Serializer>(
    moment: &DateTime<Utc>,
    output: Output,
) -> Result<Output::Ok, Output::Error> {
    output.serialize_str(&timestamp(*moment))
}
