use crate::access::{Action, PackagePattern, Verdict};
use crate::auth::Caller;
use crate::authorization::Authorization;
use crate::domain::PackageName;

/// What a caller may do to packages, pattern by pattern, for a gateway that decides ahead of requests. Who owns a package,
/// who it is private to and who must show a second factor is not in it: that, the registry asks of each request.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The rules in the order in which they are asked.
    pub rules: Vec<OutlinedRule>,
    /// The packages that the caller's token is for; `None` for all.
    pub limited_to: Option<Vec<PackagePattern>>,
    /// The packages that teams of the caller were granted, whatever the rules say; [`Registry::may`] knows what of them.
    pub granted: Vec<PackageName>,
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlinedRule {
    /// The packages that it is for, where no rule before it is.
    pub pattern: PackagePattern,
    /// Whether it lets the caller.
    pub lets_caller: bool,
    /// Whether it lets the caller with a package that their token is not for, as it lets somebody who is not signed in.
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
