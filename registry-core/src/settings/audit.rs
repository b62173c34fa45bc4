use crate::audit::{AuditFallback, AuditSource};
use serde::Deserialize;

/// `[audit]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// Where audits take advisories from.
    pub source: AdvisorySource,
    /// The answer to an audit if an upstream fails to return its advisories.
    pub unavailable: UnavailableAudit,
}

/// Where audits take advisories from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdvisorySource {
    /// The upstreams that the packages come from.
    #[default]
    Upstream,
    /// The advisories in the storage.
    Local,
    /// Both.
    Both,
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
    /// Where audits take advisories from, as the library names it.
    pub(crate) fn to_source(self) -> AuditSource {
        match self.source {
            AdvisorySource::Upstream => AuditSource::Upstream,
            AdvisorySource::Local => AuditSource::Local,
            AdvisorySource::Both => AuditSource::Both,
        }
    }

    /// Converts the section to the library's settings.
    pub(crate) fn to_fallback(self) -> AuditFallback {
        match self.unavailable {
            UnavailableAudit::Error => AuditFallback::Error,
            UnavailableAudit::Empty => AuditFallback::Empty,
        }
    }
}
