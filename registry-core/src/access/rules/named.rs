use super::{AccessRules, Asking};
use crate::access::pattern::Pattern;
use crate::auth::Principal;
use crate::domain::{GroupName, PackageName};

/// Whom the rules name, rather than let in with everybody.
impl AccessRules {
    /// Whether the rule for this package names `principal`, or a group of theirs, in any of its lists, or lets them
    /// administer it.
    pub fn names(&self, principal: &Principal, package: &PackageName) -> bool {
        self.rule_of(package).is_some_and(|rule| {
            let asking = Asking::of(Some(principal), rule.groups);
            let mut named = rule.read.iter().chain(&rule.publish).filter(|entry| entry.names_somebody());
            rule.administer.iter().any(|entry| entry.holds(&asking))
                || named.any(|entry| entry.holds(&asking))
        })
    }

    /// Whether `principal` may administer the scope of this name: whether the first rule that covers all of it says
    /// so. Rules for some of its packages do not count.
    pub fn administers_scope(&self, principal: &Principal, scope: &GroupName) -> bool {
        let Ok(all) = Pattern::parse(&format!("@{scope}/*")) else { return false };
        let rule = self.0.rules.iter().find(|rule| rule.pattern.covers(&all));
        rule.is_some_and(|rule| {
            let asking = Asking::of(Some(principal), rule.groups);
            rule.administer.iter().any(|entry| entry.holds(&asking))
        })
    }
}
