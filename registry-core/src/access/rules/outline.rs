use super::{AccessRules, Subject};
use crate::access::{Action, PackagePattern, Verdict};
use crate::vocabulary::Principal;

impl AccessRules {
    /// Returns the verdict of each rule on `action`, in order of precedence: the first whose pattern matches a name
    /// decides.
    pub fn permission_summary(
        &self,
        action: Action,
        principal: Option<&Principal>,
    ) -> impl Iterator<Item = (&PackagePattern, Verdict)> {
        self.0
            .rules
            .iter()
            .map(move |rule| (&rule.pattern, rule.decide(action, &Subject::of(principal, rule.groups)).0))
    }
}
