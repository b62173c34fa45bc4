use serde::{Deserialize, Serialize};

use crate::domain::{DistTag, Integrity, StageId};

/// What a packument keeps of a version that is staged and not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedVersion {
    /// What it is known by until it is approved or rejected.
    pub id: StageId,
    /// The tag that it gets when it is published.
    pub tag: DistTag,
    /// When it was staged (RFC 3339).
    pub created: String,
    /// Who staged it.
    pub actor: String,
    /// Whether that was a build whose identity was exchanged for a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
    /// The SHA-1 of its tarball in hex.
    pub shasum: String,
    /// The SHA-512 of its tarball.
    pub integrity: Integrity,
    /// Whether the package was unpublished since. Such a version waits for a rejection alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpublished: bool,
}
