use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Error;
use crate::domain::PackageName;
use crate::storage::Blob;

/// The most bytes of an endpoint.
const LONGEST_ENDPOINT: usize = 2048;
/// The most bytes of a secret.
const LONGEST_SECRET: usize = 1024;
/// The most bytes of the name of an owner.
const LONGEST_OWNER: usize = 214;

/// What a hook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HookType {
    /// One package.
    Package,
    /// All packages of a scope, such as `@acme`.
    Scope,
    /// All packages of an owner.
    Owner,
}

impl HookType {
    /// Its name in npm's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Scope => "scope",
            Self::Owner => "owner",
        }
    }
}

/// A request for a hook.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct HookRequest {
    /// What it is for.
    #[serde(rename = "type")]
    pub sort: HookType,
    /// The package, the scope with its `@`, or the owner.
    pub name: String,
    /// Where deliveries go.
    #[serde(flatten)]
    pub target: HookTarget,
}

/// Where the deliveries of a hook go, and what they are signed with.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct HookTarget {
    /// The URL: `http` or `https`, without a password, up to 2,048 bytes.
    pub endpoint: String,
    /// What deliveries are signed with: up to 1,024 bytes. It is never returned.
    pub secret: SecretString,
}

impl HookRequest {
    /// A request for a hook.
    pub fn new(sort: HookType, name: impl Into<String>, target: HookTarget) -> Self {
        Self { sort, name: name.into(), target }
    }

    /// Rejects an invalid name.
    pub(super) fn check_name(&self) -> Result<(), Error> {
        let is_valid = match self.sort {
            HookType::Package => PackageName::parse(&self.name).is_ok(),
            HookType::Scope => {
                self.name.starts_with('@') && PackageName::parse(&format!("{}/x", self.name)).is_ok()
            }
            HookType::Owner => {
                let is_plain = |character: char| !character.is_control() && character != '/';
                !self.name.is_empty() && self.name.len() <= LONGEST_OWNER && self.name.chars().all(is_plain)
            }
        };
        if is_valid {
            return Ok(());
        }
        Err(Error::request(
            "a hook is for a package, a scope such as @acme, or an owner such as ~ana: name one of them",
        ))
    }
}

impl HookTarget {
    /// A target.
    pub fn new(endpoint: impl Into<String>, secret: SecretString) -> Self {
        Self { endpoint: endpoint.into(), secret }
    }

    /// Returns the URL, if it and the secret are valid.
    pub(super) fn check(&self) -> Result<Url, Error> {
        if !(1..=LONGEST_SECRET).contains(&self.secret.expose_secret().len()) {
            return Err(Error::request(format!(
                "a hook needs a secret of at most {LONGEST_SECRET} bytes: its deliveries are signed with it"
            )));
        }
        let url = Url::parse(&self.endpoint).ok().filter(|url| {
            let is_plain = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && is_plain && self.endpoint.len() <= LONGEST_ENDPOINT
        });
        url.ok_or_else(|| {
            Error::request(format!(
                "the endpoint is not one that changes can be posted to: write https://HOST/PATH, without a password, in at \
                 most {LONGEST_ENDPOINT} bytes"
            ))
        })
    }
}

/// A hook, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HookRecord {
    pub(super) account: String,
    #[serde(rename = "type")]
    pub(super) sort: HookType,
    pub(super) name: String,
    pub(super) endpoint: Url,
    /// Encrypted.
    pub(super) secret: String,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

/// A hook, as its account sees it. Serializes as npm's API has it, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// The account that made it.
    pub account: String,
    /// What it is for.
    pub sort: HookType,
    /// The package, the scope, or the owner.
    pub name: String,
    /// Where deliveries go.
    pub endpoint: Url,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When its endpoint or secret last changed.
    pub updated: DateTime<Utc>,
    /// When it was last called; `None` if never.
    pub last_delivery: Option<DateTime<Utc>>,
    /// The status of the last answer; `None` if there was none.
    pub response_code: Option<u16>,
    /// Whether the last call was accepted.
    pub is_delivered: bool,
    /// Whether it is deleted.
    pub is_deleted: bool,
}

/// Parses a stored hook.
pub(super) fn parse(blob: Option<&Blob>) -> Result<Option<HookRecord>, Error> {
    let parse =
        |blob: &Blob| serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(error.into()));
    blob.map(parse).transpose()
}
