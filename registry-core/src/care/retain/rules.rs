use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::domain::PackageName;
use crate::domain::retention::Keep;
use crate::vocabulary::{PackagePattern, PatternError};

/// What the packages of a pattern keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// The pattern of packages, as in access rules.
    pub pattern: String,
    /// What they keep.
    pub keep: Keep,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionRuleError {
    /// The pattern is invalid.
    #[error("retention rule {rule}: the pattern match = {pattern:?} {problem}")]
    Pattern {
        /// The number of the rule, from 1.
        rule: usize,
        /// The text of the pattern.
        pattern: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// The rule keeps every version.
    #[error(
        "retention rule {rule} (match = {pattern:?}) limits nothing, so every version stays: say how many `releases`, or \
         how many `prereleases` of each channel, stay whatever their age"
    )]
    LimitsNothing {
        /// The number of the rule, from 1.
        rule: usize,
        /// The text of the pattern.
        pattern: String,
    },
}

/// Compiled rules of retention. The first whose pattern matches a package decides; without one, the package keeps all.
///
/// ```
/// use registry_core::care::{RetentionRule, RetentionRules};
/// use registry_core::domain::retention::Keep;
/// let keep = Keep { prereleases: Some(5), ..Keep::default() };
/// let rule = RetentionRule { pattern: "@acme/*".into(), keep };
/// assert!(RetentionRules::compile(&[rule.clone()]).is_ok());
/// let refused = RetentionRules::compile(&[RetentionRule { keep: Keep::default(), ..rule }]).unwrap_err();
/// assert!(refused.to_string().contains("limits nothing"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct RetentionRules(Arc<[Compiled]>);

#[derive(Debug)]
struct Compiled {
    pattern: PackagePattern,
    keep: Keep,
}

impl RetentionRules {
    /// Compiles rules, in the order in which they are asked.
    pub fn compile(rules: &[RetentionRule]) -> Result<Self, RetentionRuleError> {
        rules.iter().zip(1..).map(|(rule, number)| compile(rule, number)).collect::<Result<_, _>>().map(Self)
    }

    /// Rejects an invalid rule. `number` is its place, from 1.
    #[cfg(feature = "settings")]
    pub(crate) fn check_rule(rule: &RetentionRule, number: usize) -> Result<(), RetentionRuleError> {
        compile(rule, number).map(drop)
    }

    /// Whether there is no rule, so that every version stays.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of the rule for a package, from 1, and what it keeps.
    pub(super) fn of(&self, name: &PackageName) -> Option<(NonZeroUsize, &Keep)> {
        let place = self.0.iter().position(|rule| rule.pattern.matches(name.as_str()))?;
        Some((NonZeroUsize::MIN.saturating_add(place), &self.0[place].keep))
    }
}

fn compile(rule: &RetentionRule, number: usize) -> Result<Compiled, RetentionRuleError> {
    let pattern = PackagePattern::parse(&rule.pattern);
    let pattern = pattern.map_err(|problem| RetentionRuleError::Pattern {
        rule: number,
        pattern: rule.pattern.clone(),
        problem,
    })?;
    if !rule.keep.limits_something() {
        return Err(RetentionRuleError::LimitsNothing { rule: number, pattern: rule.pattern.clone() });
    }
    Ok(Compiled { pattern, keep: rule.keep })
}
