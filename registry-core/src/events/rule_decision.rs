use serde::{Deserialize, Serialize};

use crate::vocabulary::{Action, Verdict};

/// A decision of the access rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleDecision {
    /// The action that was decided on.
    pub action: Action,
    /// The verdict. `AllowedToOwners` may have been denied to a caller who is not an owner.
    pub verdict: Verdict,
    /// The deciding rule, counted from 1; absent if none matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The pattern of that rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The entry that allowed it, such as `user:ana in publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}
