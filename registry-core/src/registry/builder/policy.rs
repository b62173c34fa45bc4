use std::sync::Arc;

use crate::RegistryBuilder;
use crate::advisories::{AdvisoryKeys, AdvisorySettings, AdvisoryStore};
use crate::blocking::BlockingParts;
use crate::catalog::NameCheck;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::policy::{
    BlockListSettings, Policies, PolicyRules, RecallSettings, SimilarNameSettings, VersionPolicy,
};
use crate::randomness::Randomness;
use crate::storage::Storage;

/// What decides which versions may be used, before there is a registry.
#[derive(Debug, Default)]
pub(super) struct PolicySetUp {
    rules: PolicyRules,
    policies: Vec<Arc<dyn VersionPolicy>>,
    block_list: Option<BlockListSettings>,
    recall: RecallSettings,
    similar_names: Option<SimilarNameSettings>,
    advisories: AdvisorySettings,
}

impl PolicySetUp {
    /// Returns what changes the list of blocked versions, with all policies, what checks names, and the advisories.
    pub(super) fn into_parts(
        self,
        (store, clock, randomness): (&Arc<Storage>, &Arc<dyn Clock>, &Arc<dyn Randomness>),
        changes: &Changes,
        keys: AdvisoryKeys,
    ) -> (Arc<BlockingParts>, Option<NameCheck>, Arc<AdvisoryStore>) {
        let name_check = self.similar_names.map(NameCheck::new);
        let advisories = Arc::new(AdvisoryStore::new(self.advisories, store, clock, keys));
        let policies = Policies::new(self.rules, self.policies, self.block_list, &advisories, store, clock);
        let policies = Arc::new(policies);
        let blocking = BlockingParts {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            randomness: Arc::clone(randomness),
            changes: changes.clone(),
            policies,
            settings: self.recall,
        };
        (Arc::new(blocking), name_check, advisories)
    }
}

impl RegistryBuilder {
    /// Sets the rules of the settings on which versions may be used. Default: none.
    pub fn policy_rules(mut self, rules: PolicyRules) -> Self {
        self.policy.rules = rules;
        self
    }

    /// Adds a policy that decides which versions may be used. A version is served if every policy allows it. Default: none.
    pub fn version_policy(mut self, policy: Arc<dyn VersionPolicy>) -> Self {
        self.policy.policies.push(policy);
        self
    }

    /// Sets how the registry reads advisories, and what happens without them. Default: see [`AdvisorySettings`].
    pub fn advisories(mut self, advisories: AdvisorySettings) -> Self {
        self.policy.advisories = advisories;
        self
    }

    /// Sets how the registry reads the list of versions that administrators block at run time. Default: `None`, no list is
    /// read, and none can be changed.
    pub fn block_list(mut self, block_list: Option<BlockListSettings>) -> Self {
        self.policy.block_list = block_list;
        self
    }

    /// Sets what happens when a package is asked for or published for the first time whose name looks like that of a hosted package or
    /// of one that is used much. Default: `None`, names are not compared.
    pub fn similar_names(mut self, similar_names: Option<SimilarNameSettings>) -> Self {
        self.policy.similar_names = similar_names;
        self
    }

    /// Sets when the registry recalls versions by itself. Needs a list of blocked versions. Default: never.
    pub fn recall(mut self, recall: RecallSettings) -> Self {
        self.policy.recall = recall;
        self
    }
}
