use std::path::PathBuf;

use serde::Deserialize;

/// `[provenance]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProvenanceSection {
    /// The file with what is trusted, Sigstore's `trusted_root.json`; `None` if bundles are only found consistent.
    pub trusted_root: Option<PathBuf>,
    /// Which packages are only published with provenance, in the order of evaluation.
    pub require: Vec<RequireTable>,
}

/// `[[provenance.require]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequireTable {
    /// The pattern of packages, as in access rules.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The repository; `None` for any.
    pub repository: Option<String>,
    /// The issuer of the token of the build; `None` for that of the repository's host.
    pub issuer: Option<String>,
    /// The file of the workflow; `None` for any.
    pub workflow: Option<String>,
    /// The branches and tags; none for any.
    #[serde(default)]
    pub refs: Vec<String>,
}

#[cfg(feature = "provenance")]
impl ProvenanceSection {
    /// Compiles the rules.
    pub fn compile(&self) -> Result<crate::provenance::ProvenanceRules, super::SettingsError> {
        use super::error::Context as _;
        use crate::provenance::{ProvenanceRule, ProvenanceRules};

        let mut rules = Vec::with_capacity(self.require.len());
        for RequireTable { pattern, repository, issuer, workflow, refs } in self.require.clone() {
            let mut rule = ProvenanceRule::new(&pattern);
            (rule.repository, rule.workflow, rule.refs) = (repository, workflow, refs);
            rule.issuer = issuer;
            let shown = || format!("[[provenance.require]] (match = {pattern:?})");
            ProvenanceRules::compile(vec![rule.clone()]).with_context(shown)?;
            rules.push(rule);
        }
        ProvenanceRules::compile(rules).context("[[provenance.require]]")
    }
}
