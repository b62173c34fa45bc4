use crate::access::{Action, PackagePattern, Verdict};
use crate::auth::Caller;
use crate::authorization::Authorization;
use crate::domain::PackageName;

/// What a caller may do to packages, pattern by pattern, for a gateway that decides ahead of requests. Ownership,
/// private packages and second factors are not included: the registry checks them on each request.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The rules in the order of evaluation.
    pub rules: Vec<OutlinedRule>,
    /// The packages that the caller's token is for; `None` for all.
    pub limited_to: Option<Vec<PackagePattern>>,
    /// The packages granted to the caller's teams, regardless of the rules; [`Registry::may`] tells what is permitted
    /// on them.
    pub granted: Vec<PackageName>,
}

/// One rule, as it applies to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlinedRule {
    /// The packages that the rule covers, unless an earlier rule does.
    pub pattern: PackagePattern,
    /// Whether the rule permits the caller.
    pub lets_caller: bool,
    /// Whether the rule permits an anonymous caller, which is how it treats packages outside the caller's token.
    pub lets_anybody: bool,
}

impl Authorization {
    pub(crate) fn may(&self, caller: &Caller, action: Action, package: &PackageName) -> bool {
        self.permits(caller, action, package)
    }

    pub(crate) fn outline(&self, caller: &Caller, action: Action) -> Outline {
        let limits = caller.limits.as_deref();
        let principal = caller.principal_if(|limits| limits.permit_anywhere(action));
        let access = self.access();
        let rules = access.outline(action, principal).zip(access.outline(action, None));
        let rules = rules.map(|((pattern, caller), (_, anybody))| OutlinedRule {
            pattern: pattern.clone(),
            lets_caller: caller > Verdict::Denied,
            lets_anybody: anybody > Verdict::Denied,
        });
        let granted = caller.memberships.iter().flat_map(|memberships| memberships.packages.keys());
        Outline {
            rules: rules.collect(),
            limited_to: limits.and_then(|limits| limits.packages.clone()),
            granted: granted.cloned().collect(),
        }
    }
}
