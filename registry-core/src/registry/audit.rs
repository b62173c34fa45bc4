use serde_json::Value;

use crate::audit::{Advisories, AuditTree, AuditedPackages};
use crate::auth::Caller;
use crate::{Error, Registry};

impl Registry {
    /// Returns the advisories for these packages from their upstreams.
    ///
    /// A name is not sent to an upstream, and gets no advisories, if the caller may not read it, if the rules list no
    /// upstream for it, or if it is hosted here. The same applies if the store cannot tell whether it is hosted. If
    /// several upstreams may have a package, the first that is known to have it is asked.
    pub async fn advisories(&self, caller: &Caller, packages: &AuditedPackages) -> Result<Advisories, Error> {
        self.audit().advisories(caller, packages).await
    }

    /// Audits a project's dependencies in the older format, in which advisories list the paths of packages in the
    /// tree. Sends requests as [`Registry::advisories`] does.
    pub async fn audit_report(&self, caller: &Caller, tree: AuditTree) -> Result<Value, Error> {
        self.audit().audit_report(caller, tree).await
    }
}
