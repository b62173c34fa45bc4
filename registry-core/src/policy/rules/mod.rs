//! The rules of the settings: `[[policy]]` tables, of which the first that matches a package decides.

mod advisories;
mod decide;
mod in_force;
mod license;
mod table;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::PackageName;
use crate::vocabulary::PackagePattern;

pub(super) use in_force::RulesInForce;
pub use table::{InstallScripts, PolicyRuleError, PolicyTable, UnknownTime};

use super::{PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy};

/// The policy of the settings.
///
/// ```
/// use chrono::Utc;
/// use registry_core::domain::PackageName;
/// use registry_core::policy::{PolicyRules, PolicyTable, VersionFacts, VersionOrigin, VersionPolicy as _};
/// let mut table = PolicyTable::new("**");
/// table.block = vec!["pear@>=1.0.0 <1.2.0".parse().unwrap()];
/// let rules = PolicyRules::compile(&[table]).unwrap();
/// let pear = PackageName::parse("pear").unwrap();
/// let facts = VersionFacts::new(&pear, "1.1.0", VersionOrigin::Hosted);
/// assert!(rules.decide(&facts, Utc::now()).refusal().is_some());
/// ```
#[derive(Debug, Clone, Default)]
pub struct PolicyRules(Arc<[Rule]>);

/// A table, checked.
#[derive(Debug)]
struct Rule {
    /// Counted from 1.
    number: usize,
    pattern: PackagePattern,
    table: PolicyTable,
}

impl PolicyRules {
    /// Compiles the tables, in the order of evaluation.
    pub fn compile(tables: &[PolicyTable]) -> Result<Self, PolicyRuleError> {
        let rules = tables.iter().zip(1..).map(|(table, number)| Rule::compile(table, number));
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// Checks one table, which is the one of this number, counted from 1.
    pub fn check_table(table: &PolicyTable, number: usize) -> Result<(), PolicyRuleError> {
        Rule::compile(table, number).map(drop)
    }

    fn rule_for(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.is_for(package, origin))
    }
}

impl VersionPolicy for PolicyRules {
    fn concern(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
        let rule = self.rule_for(package, origin)?;
        let state = rule.number as u64;
        let concern = if rule.reads_manifests() {
            Some(PolicyConcern::new(state))
        } else {
            rule.decides_by_number(package).then(|| PolicyConcern::of_numbers(state))
        };
        concern.map(|concern| PolicyConcern { advisories: rule.advisory_need(), ..concern })
    }

    fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        let rule = self.rule_for(facts.package, facts.origin);
        rule.map_or_else(PolicyDecision::allow, |rule| rule.decide(facts, now))
    }
}
