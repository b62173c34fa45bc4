use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};

use crate::domain::PackageName;
use crate::policy::{PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy};

use super::PolicyRules;

/// The rules of the settings, which may be replaced while the registry runs.
#[derive(Debug, Default)]
pub(in crate::policy) struct RulesInForce(RwLock<Numbered>);

#[derive(Debug, Clone, Default)]
struct Numbered {
    rules: PolicyRules,
    /// How often they were replaced.
    replaced: u32,
}

impl RulesInForce {
    pub(crate) fn new(rules: PolicyRules) -> Self {
        Self(RwLock::new(Numbered { rules, replaced: 0 }))
    }

    /// Replaces the rules for reads that begin from now on.
    pub(crate) fn replace(&self, rules: PolicyRules) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *known = Numbered { rules, replaced: known.replaced.wrapping_add(1) };
    }

    fn now(&self) -> Numbered {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl VersionPolicy for RulesInForce {
    fn concern(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
        let Numbered { rules, replaced } = self.now();
        let concern = rules.concern(package, origin)?;
        Some(PolicyConcern { state: (u64::from(replaced) << 32) | concern.state, ..concern })
    }

    fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        self.now().rules.decide(facts, now)
    }
}
