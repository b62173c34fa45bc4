use crate::RegistryBuilder;
use crate::audit::{AuditFallback, AuditSource};

/// How audits are answered, before there is a registry.
#[derive(Debug, Default)]
pub(super) struct AuditSetUp {
    pub(super) source: AuditSource,
    pub(super) fallback: AuditFallback,
}

impl RegistryBuilder {
    /// Sets the answer to an audit if advisories cannot be had: if an upstream fails to return them, or the store has none.
    /// Default: an error.
    pub fn audit_fallback(mut self, fallback: AuditFallback) -> Self {
        self.audit.fallback = fallback;
        self
    }

    /// Sets where audits take advisories from. Default: the upstreams.
    pub fn audit_source(mut self, source: AuditSource) -> Self {
        self.audit.source = source;
        self
    }
}
