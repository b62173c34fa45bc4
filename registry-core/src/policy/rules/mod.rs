//! The rules of the settings: `[[policy]]` tables, of which the first that matches a package decides.

mod advisories;
mod decide;
mod in_force;
mod license;
mod selector_file;
mod table;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::PackageName;
use crate::vocabulary::PackagePattern;

pub(super) use in_force::RulesInForce;
pub use table::{
    InstallScripts, PolicyRuleError, PolicyTable, ProvenanceRule, TrustRule, UnknownTime, UnreadableFile,
};

use selector_file::SelectorFile;

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
    files: RuleFiles,
}

/// The files of a table.
#[derive(Debug, Default)]
struct RuleFiles {
    block: Option<Arc<SelectorFile>>,
    allow: Option<Arc<SelectorFile>>,
}

impl PolicyRules {
    /// Compiles the tables, in the order of evaluation, and reads the files that they name. The rules of a registry read these again
    /// when they change; on their own they do not.
    pub fn compile(tables: &[PolicyTable]) -> Result<Self, PolicyRuleError> {
        let rules = tables.iter().zip(1..).map(|(table, number)| {
            let mut rule = Rule::compile(table, number)?;
            rule.open_files()?;
            Ok(rule)
        });
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// Checks one table, which is the one of this number, counted from 1, without the files that it names.
    pub fn check_table(table: &PolicyTable, number: usize) -> Result<(), PolicyRuleError> {
        Rule::compile(table, number).map(drop)
    }

    /// Whether any table names a file.
    fn have_files(&self) -> bool {
        self.files().next().is_some()
    }

    fn files(&self) -> impl Iterator<Item = &SelectorFile> {
        self.0.iter().flat_map(|rule| rule.files.both())
    }

    /// Whether a file must be read to decide about a package, and cannot be.
    fn lack_a_file(&self, package: &PackageName, origin: VersionOrigin<'_>) -> bool {
        self.rule_for(package, origin).is_some_and(Rule::lacks_a_file)
    }

    fn rule_for(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.is_for(package, origin))
    }
}

impl VersionPolicy for PolicyRules {
    fn concern(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
        let rule = self.rule_for(package, origin)?;
        let state = rule.state();
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
