use crate::Registry;
use crate::access::Action;
use crate::auth::Caller;
use crate::authorization::Outline;
use crate::domain::PackageName;

impl Registry {
    /// Whether the rules, the limits of the token and what teams were granted let the caller do `action` to `package`, if
    /// only to one that they own. Tells nobody of it.
    pub fn may(&self, caller: &Caller, action: Action, package: &PackageName) -> bool {
        self.authorization().may(caller, action, package)
    }

    /// What the caller may do, pattern by pattern.
    pub fn outline(&self, caller: &Caller, action: Action) -> Outline {
        self.authorization().outline(caller, action)
    }
}
