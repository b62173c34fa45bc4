use crate::Registry;
use crate::access::Action;
use crate::auth::Caller;
use crate::authorization::PermissionSummary;
use crate::domain::PackageName;

impl Registry {
    /// Whether the access rules, the token's limits and team grants permit the caller to do `action` to `package`, if
    /// only to one that they own. Emits no event.
    pub fn may(&self, caller: &Caller, action: Action, package: &PackageName) -> bool {
        self.authorization().may(caller, action, package)
    }

    /// Returns what the caller may do, pattern by pattern.
    pub fn permission_summary(&self, caller: &Caller, action: Action) -> PermissionSummary {
        self.authorization().permission_summary(caller, action)
    }
}
