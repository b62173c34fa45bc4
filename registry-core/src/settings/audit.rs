use crate::audit::AuditFallback;
use serde::Deserialize;

/// `[audit]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// The answer to an audit if an upstream fails to return its advisories.
    pub unavailable: UnavailableAudit,
}

/// The answer to an audit if an upstream fails to return its advisories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnavailableAudit {
    /// An error, so that clients do not mistake missing advisories for safety.
    #[default]
    Error,
    /// No advisories for the packages of that upstream.
    Empty,
}

impl AuditSettings {
    /// Converts the section to the library's settings.
    pub(crate) fn to_fallback(self) -> AuditFallback {
        match self.unavailable {
            UnavailableAudit::Error => AuditFallback::Error,
            UnavailableAudit::Empty => AuditFallback::Empty,
        }
    }
}
