use super::{AccessRules, Asking};
use crate::access::{Action, PackagePattern, Verdict};
use crate::vocabulary::Principal;

impl AccessRules {
    /// Returns the verdict of each rule on `action`, in order of precedence: the first whose pattern matches a name
    /// decides.
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
