use super::{AccessRules, Subject};
use crate::access::{Action, Verdict};
use crate::vocabulary::Principal;

impl AccessRules {
    /// Returns whether any rule lets `principal`, or an anonymous caller, do `action` to any package. A gateway that
    /// does not know packages can reject all other callers.
    pub fn allow_anywhere(&self, action: Action, principal: Option<&Principal>) -> bool {
        let mut rules = self.0.rules.iter();
        rules.any(|rule| rule.decide(action, &Subject::of(principal, rule.groups)).0 > Verdict::Denied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RuleSettings;

    #[test]
    fn one_rule_is_enough() {
        let rules = r#"[
            { "match": "@acme/*", "read": ["@authenticated"], "publish": ["group:team"] },
            { "match": "**", "read": ["@all"] }
        ]"#;
        let rules: Vec<RuleSettings> = serde_json::from_str(rules).unwrap();
        let rules = AccessRules::compile(&rules).unwrap();
        let (ana, ben) = (Principal::user("ana").in_group("team"), Principal::user("ben"));
        assert!(rules.allow_anywhere(Action::Publish, Some(&ana)));
        assert!(!rules.allow_anywhere(Action::Publish, Some(&ben)));
        assert!(rules.allow_anywhere(Action::Read, None));
        assert!(!AccessRules::compile(&[]).unwrap().allow_anywhere(Action::Read, Some(&ana)));
    }
}
