use crate::access::{Action, PackagePattern, Verdict};
use crate::auth::Caller;
use crate::authorization::Authorization;
use crate::domain::PackageName;

/// What a caller may do to packages, pattern by pattern, for a gateway that decides ahead of requests. Ownership,
/// private packages and second factors are not included: the registry checks them on each request.
#[derive(Debug, Clone)]
pub struct PermissionSummary {
    /// The rules in the order of evaluation.
    pub rules: Vec<SummarizedRule>,
    /// The packages that the caller's token is for; `None` for all.
    pub limited_to: Option<Vec<PackagePattern>>,
    /// The packages granted to the caller's teams, regardless of the rules. [`Registry::may`](crate::Registry::may) tells
    /// what is permitted with each.
    pub granted: Vec<PackageName>,
}

/// One rule, as it applies to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummarizedRule {
    /// The packages that the rule covers, unless an earlier rule does.
    pub pattern: PackagePattern,
    /// Whether the rule permits the caller.
    pub caller_may: bool,
    /// Whether the rule permits an anonymous caller, which is how it treats packages outside the caller's token.
    pub anonymous_may: bool,
}

impl Authorization {
    pub(crate) fn may(&self, caller: &Caller, action: Action, package: &PackageName) -> bool {
        self.permits(caller, action, package)
    }

    pub(crate) fn permission_summary(&self, caller: &Caller, action: Action) -> PermissionSummary {
        let limits = caller.limits.as_deref();
        let principal = caller.principal_if(|limits| limits.permit_anywhere(action));
        let access = self.access();
        let rules = access.permission_summary(action, principal).zip(access.permission_summary(action, None));
        let rules = rules.map(|((pattern, caller), (_, anonymous))| SummarizedRule {
            pattern: pattern.clone(),
            caller_may: caller > Verdict::Denied,
            anonymous_may: anonymous > Verdict::Denied,
        });
        let granted = caller.memberships.iter().flat_map(|memberships| memberships.packages.keys());
        PermissionSummary {
            rules: rules.collect(),
            limited_to: limits.and_then(|limits| limits.packages.clone()),
            granted: granted.cloned().collect(),
        }
    }
}
