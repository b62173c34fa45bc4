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

/// That builds may publish a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// What it is revoked by.
    pub id: String,
    /// The name of the issuer, such as `github`.
    pub issuer: String,
    /// What tells the builds from others.
    pub claims: Map<String, Value>,
    /// What they may do.
    pub permissions: Vec<TrustPermission>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Whose right it passes on. Where they lose it, the builds do too.
    pub by: TrustBy,
    /// What told the repository apart when its first build came: claim → id. One that is made anew under the same name, or
    /// whose name another owner has now, is another one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: BTreeMap<String, String>,
}

/// The account of somebody who trusts builds.
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
    /// Stage versions for somebody to approve.
    CreateStagedPackage,
}

/// What is stored of a package's trusts. A list, of one at most: an empty one is what a revoked trust leaves, so that
/// no change goes unseen by another one.
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
    /// The trusts of a package.
    pub(super) async fn stored_trusts(&self, name: &PackageName) -> Result<Trusts, Error> {
        Trusts::read(self.parts.store.get_proven(&Key::Trust(name).path()?).await?.as_ref())
    }
}

/// Who published, where it was a build, in the form that clients read trust from.
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
