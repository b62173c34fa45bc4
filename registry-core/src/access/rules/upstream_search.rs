use std::sync::Arc;

use super::{AccessRules, Rule, Subject};
use crate::access::{Action, Verdict};
use crate::vocabulary::{PackagePattern, Principal};

/// Which parts of a search may be sent to an upstream.
impl AccessRules {
    /// Returns the upstreams of rules that let `principal`, or an anonymous caller, read, in the order of the rules.
    pub(crate) fn upstreams_readable_by(&self, principal: Option<&Principal>) -> Vec<Arc<str>> {
        let mut found: Vec<Arc<str>> = Vec::new();
        let may_read = |rule: &&Rule| {
            rule.decide(Action::Read, &Subject::of(principal, rule.groups)).0 != Verdict::Denied
        };
        let readable = self.0.rules.iter().filter(may_read);
        for upstream in readable.flat_map(|rule| &rule.origin.upstreams) {
            if !found.contains(upstream) {
                found.push(Arc::clone(upstream));
            }
        }
        found
    }

    /// Returns the literal parts, split by scope and name, of patterns whose names must not be sent to `upstream`.
    pub(crate) fn literals_hidden_from<'a>(&'a self, upstream: &'a str) -> impl Iterator<Item = &'a str> {
        let hidden = self.0.rules.iter().filter(move |rule| !rule.comes_from(upstream));
        let literals = hidden.flat_map(|rule| rule.pattern.as_str().split(['*', '/', '@']));
        literals.filter(|literal| !literal.is_empty())
    }

    /// Returns whether every name of the scope, given without its `@`, may be sent to `upstream`.
    pub(crate) fn scope_comes_from(&self, scope: &str, upstream: &str) -> bool {
        let Ok(whole_scope) = PackagePattern::parse(&format!("@{scope}/*")) else { return false };
        for rule in &self.0.rules {
            if rule.pattern.covers(&whole_scope) {
                return rule.comes_from(upstream);
            }
            if !rule.comes_from(upstream) && rule.may_match_in(scope) {
                return false;
            }
        }
        false
    }
}

impl Rule {
    fn comes_from(&self, upstream: &str) -> bool {
        self.origin.upstreams.iter().any(|listed| **listed == *upstream)
    }

    fn may_match_in(&self, scope: &str) -> bool {
        let pattern = self.pattern.as_str();
        if pattern.contains("**") {
            return true;
        }
        let scope_pattern =
            pattern.split_once('/').and_then(|(scope, _)| PackagePattern::parse(&format!("{scope}/x")).ok());
        scope_pattern.is_some_and(|pattern| pattern.matches(&format!("@{scope}/x")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::RuleSettings;

    fn rules() -> AccessRules {
        let settings: Vec<RuleSettings> = serde_json::from_value(json!([
            { "match": "@types/*", "read": ["@all"], "origin": ["npm"] },
            { "match": "@acme/secret-*", "read": ["user:ana"] },
            { "match": "@*-internal/*", "read": ["@all"], "origin": ["hosted", "corp"] },
            { "match": "@*/*", "read": ["user:ana"], "origin": ["hosted", "npm"] },
            { "match": "tool-*", "read": ["@all"] },
        ]))
        .unwrap();
        AccessRules::compile_with_upstreams(&settings, &["npm", "corp"]).unwrap()
    }

    #[test]
    fn a_scope_is_sent_only_if_no_name_in_it_is_hidden() {
        let rules = rules();
        assert!(rules.scope_comes_from("types", "npm"));
        assert!(!rules.scope_comes_from("types", "corp"));
        assert!(!rules.scope_comes_from("acme", "npm"));
        assert!(!rules.scope_comes_from("a-internal", "npm"));
        assert!(rules.scope_comes_from("a-internal", "corp"));
        assert!(rules.scope_comes_from("babel", "npm"));
        assert!(!rules.scope_comes_from("no scope", "npm"));
    }

    #[test]
    fn hidden_literals_are_those_of_rules_without_the_upstream() {
        let literals =
            |upstream| rules().literals_hidden_from(upstream).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(literals("npm"), ["acme", "secret-", "-internal", "tool-"]);
        assert_eq!(literals("corp"), ["types", "acme", "secret-", "tool-"]);
    }

    #[test]
    fn an_upstream_is_not_asked_for_a_caller_who_may_read_nothing_of_it() {
        let of = |principal: Option<&Principal>| {
            let found = rules().upstreams_readable_by(principal);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(None), ["npm", "corp"]);
        let rules = serde_json::from_value::<Vec<RuleSettings>>(json!([
            { "match": "**", "read": ["@authenticated"], "origin": ["hosted", "npm"] },
        ]));
        let rules = AccessRules::compile_with_upstreams(&rules.unwrap(), &["npm"]).unwrap();
        assert!(rules.upstreams_readable_by(None).is_empty());
        assert_eq!(rules.upstreams_readable_by(Some(&Principal::user("ana"))).len(), 1);
    }
}
