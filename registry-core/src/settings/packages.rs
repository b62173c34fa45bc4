use serde::Deserialize;
use toml::Spanned;

use crate::access::{AccessRuleError, AccessRules, RuleSettings};

use super::Upstreams;

/// `[[packages]]`: the access rules, in the order of evaluation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PackageRules(Vec<Spanned<RuleSettings>>);

impl PackageRules {
    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the invalid rules, each with its position in the text.
    pub(super) fn wrong(&self, upstreams: &Upstreams) -> impl Iterator<Item = (usize, AccessRuleError)> {
        let names = names(upstreams);
        self.0.iter().zip(1..).filter_map(move |(rule, number)| {
            let wrong = AccessRules::check_rule(rule.get_ref(), number, &names).err()?;
            Some((rule.span().start, wrong))
        })
    }

    /// Returns the rules as written, each with its position in the text.
    pub(super) fn written(&self) -> impl Iterator<Item = (usize, &RuleSettings)> {
        self.0.iter().map(|rule| (rule.span().start, rule.get_ref()))
    }

    /// Compiles the rules. Without any, every caller reads and every signed-in account publishes, and names that were
    /// never hosted here are requested from the upstream, if there is one.
    pub fn compile(&self, upstreams: &Upstreams) -> Result<AccessRules, AccessRuleError> {
        if self.is_empty() {
            return Ok(match upstreams.keys().next() {
                None => AccessRules::open_to_all_publish_for_signed_in(),
                Some(upstream) => AccessRules::open_to_all_in_front_of(upstream),
            });
        }
        let rules: Vec<RuleSettings> = self.0.iter().map(|rule| rule.get_ref().clone()).collect();
        AccessRules::compile_with_upstreams(&rules, &names(upstreams))
    }
}

fn names(upstreams: &Upstreams) -> Vec<&str> {
    upstreams.keys().map(String::as_str).collect()
}
