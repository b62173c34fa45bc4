use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{TokenPermission, TrustedPublisher};
use crate::domain::PackageName;
use crate::storage::{Blob, Key};

/// Permission for builds to publish a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The id to revoke it by.
    pub id: String,
    /// The name of the issuer, such as `github`.
    pub issuer: String,
    /// Which builds it is for.
    pub claims: Map<String, Value>,
    /// What the builds may do.
    pub permissions: Vec<TrustPermission>,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// The account on whose behalf the builds publish. When it loses the right, so do the builds.
    pub by: TrustBy,
    /// The ids of the repository at its first build: claim → id. A repository that was recreated under the same name,
    /// or whose name has a new owner, does not match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: BTreeMap<String, String>,
}

/// The account that trusts builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustBy {
    /// The id of its provider.
    pub provider: String,
    /// Its name.
    pub account: String,
}

/// What a trusted build may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TrustPermission {
    /// Publish versions and set dist-tags.
    CreatePackage,
    /// Stage versions for approval.
    CreateStagedPackage,
}

/// The stored trusts of a package, at most one. Revoking leaves an empty list in place, so that concurrent changes
/// conflict.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Trusts {
    pub(super) trusts: Vec<Trust>,
}

impl Trust {
    pub(super) fn permission(&self) -> TokenPermission {
        if self.permissions.contains(&TrustPermission::CreatePackage) {
            TokenPermission::ReadWrite
        } else {
            TokenPermission::StageOnly
        }
    }
}

impl Trusts {
    pub(super) fn read(stored: Option<&Blob>) -> Result<Self, Error> {
        let read = stored.map(|blob| serde_json::from_slice(&blob.bytes)).transpose();
        Ok(read.map_err(|error| Error::Damaged(Box::new(error)))?.unwrap_or_default())
    }

    pub(super) fn write(&self) -> Result<Bytes, Error> {
        Ok(serde_json::to_vec_pretty(self).map_err(Error::internal)?.into())
    }
}

impl Accounts {
    /// Returns the trusts of a package.
    pub(super) async fn stored_trusts(&self, name: &PackageName) -> Result<Trusts, Error> {
        Trusts::read(self.parts.store.get_proven(&Key::Trust(name).path()?).await?.as_ref())
    }
}

/// Returns the publisher of a version in the form that clients read trust from.
pub(crate) fn npm_user(publisher: &TrustedPublisher) -> Value {
    let name = match publisher.issuer_name.as_str() {
        "github" => "GitHub Actions",
        "gitlab" => "GitLab CI/CD",
        other => other,
    };
    let config = format!("oidc:{}", publisher.trust);
    json!({
        "name": name,
        "email": "",
        "trustedPublisher": { "id": publisher.issuer_name, "oidcConfigId": config },
    })
}
