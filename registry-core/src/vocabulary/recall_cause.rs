use serde::{Deserialize, Serialize};

/// Why a version was recalled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RecallCause {
    /// An administrator or an operator asked for it.
    #[default]
    Request,
    /// The upstream of this name listed the version, and does not any more.
    Withdrawal(String),
    /// The advisory of this id is about it.
    Advisory(String),
}

impl RecallCause {
    /// Whether an administrator or an operator asked for it.
    pub fn is_request(&self) -> bool {
        *self == Self::Request
    }
}
