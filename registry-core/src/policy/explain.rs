use serde::Serialize;

use crate::domain::VersionRefusal;

use super::PolicyDecision;

/// What policies decide about a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExplainedVersion {
    /// The version.
    pub version: String,
    /// When it was published, as its registry says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Whether it is served.
    pub allowed: bool,
    /// Why it is refused, by the first rule that refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<VersionRefusal>,
    /// Why rules that concern the package allow it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_by: Vec<String>,
}

impl ExplainedVersion {
    /// A version that no policy concerns.
    pub(super) fn new(version: &str, published: Option<&str>) -> Self {
        Self {
            version: version.to_owned(),
            published: published.map(str::to_owned),
            allowed: true,
            refusal: None,
            allowed_by: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, decision: PolicyDecision) {
        if self.allowed {
            self.allowed_by.extend(decision.allowed_by().map(str::to_owned));
        }
        if let Some(refusal) = decision.into_refusal() {
            self.allowed = false;
            self.allowed_by.clear();
            self.refusal.get_or_insert(refusal);
        }
    }
}
