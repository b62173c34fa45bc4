use serde::{Deserialize, Serialize};

use crate::domain::{DistTag, Integrity, StageId};

/// A staged version in its packument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedVersion {
    /// Its id until it is approved or rejected.
    pub id: StageId,
    /// The tag to publish it under.
    pub tag: DistTag,
    /// When it was staged (RFC 3339).
    pub created: String,
    /// The principal that staged it.
    pub actor: String,
    /// Whether that was a trusted build.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
    /// The SHA-1 of its tarball in hex.
    pub shasum: String,
    /// The SHA-512 of its tarball.
    pub integrity: Integrity,
    /// Whether the package was unpublished since. Such a version can only be rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpublished: bool,
}
