use std::sync::Arc;

use crate::RegistryBuilder;
use crate::policy::{BlockListSettings, PolicyRules, VersionPolicy};

impl RegistryBuilder {
    /// Sets the rules of the settings on which versions may be used. Default: none.
    pub fn policy_rules(self, policy_rules: PolicyRules) -> Self {
        Self { policy_rules, ..self }
    }

    /// Adds a policy that decides which versions may be used. A version is served if every policy allows it. Default: none.
    pub fn version_policy(mut self, policy: Arc<dyn VersionPolicy>) -> Self {
        self.policies.push(policy);
        self
    }

    /// Sets how the registry reads the list of versions that administrators block at run time. Default: `None`, no list is
    /// read, and none can be changed.
    pub fn block_list(self, block_list: Option<BlockListSettings>) -> Self {
        Self { block_list, ..self }
    }
}
