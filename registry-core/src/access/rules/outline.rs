use super::{AccessRules, Asking};
use crate::access::{Action, PackagePattern, Verdict};
use crate::vocabulary::Principal;

impl AccessRules {
    /// What each rule by itself says of `action`, in the order in which they are asked: the first whose pattern matches a
    /// name decides on it.
    pub fn outline(
        &self,
        action: Action,
        principal: Option<&Principal>,
    ) -> impl Iterator<Item = (&PackagePattern, Verdict)> {
        self.0
            .rules
            .iter()
            .map(move |rule| (&rule.pattern, rule.decide(action, &Asking::of(principal, rule.groups)).0))
    }
}
