use std::sync::Arc;

use crate::domain::provenance::{Provenance, ProvenanceError};

use super::rules::ProvenanceRules;
use super::trusted_root::TrustedRoot;
use super::verify::{ProvenanceSubject, verify_bundle};

/// How provenance is verified, and which packages need it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ProvenanceSettings {
    /// What is trusted. Default: nothing, so that bundles are only found consistent, and packuments say so.
    pub trusted_root: Option<Arc<TrustedRoot>>,
    /// Which packages need provenance. Default: none.
    pub rules: ProvenanceRules,
}

impl ProvenanceSettings {
    /// Verifies a bundle, and that it is what a rule requires; `None` where there is neither.
    pub(crate) fn verify(
        &self,
        bundle: Option<&[u8]>,
        subject: ProvenanceSubject<'_>,
    ) -> Result<Option<Provenance>, ProvenanceError> {
        let verified = bundle.map(|bundle| verify_bundle(bundle, subject, self.trusted_root.as_deref()));
        let verified = verified.transpose()?;
        if let Some(rule) = self.rules.of(subject.name) {
            rule.require(subject.name, verified.as_ref())?;
        }
        Ok(verified)
    }
}
