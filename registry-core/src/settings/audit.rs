use crate::audit::AuditFallback;
use serde::Deserialize;

/// `[audit]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// What an audit is answered when an upstream cannot tell its advisories.
    pub unavailable: UnavailableAudit,
}

/// What an audit is answered when an upstream cannot tell its advisories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnavailableAudit {
    /// An error, so that nobody takes silence for safety.
    #[default]
    Error,
    /// That nothing is known against the packages of that upstream.
    Empty,
}

impl AuditSettings {
    /// The same as the library takes it.
    pub fn to_fallback(self) -> AuditFallback {
        match self.unavailable {
            UnavailableAudit::Error => AuditFallback::Error,
            UnavailableAudit::Empty => AuditFallback::Empty,
        }
    }
}
