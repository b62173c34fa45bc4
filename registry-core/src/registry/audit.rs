use serde_json::Value;

use crate::audit::{Advisories, AuditTree, AuditedPackages};
use crate::auth::Caller;
use crate::{Error, Registry};

impl Registry {
    /// The advisories about these packages, of the upstreams that they come from.
    ///
    /// Names that the caller may not read, that the rules let come from nowhere else, or that are hosted here are sent
    /// to nobody, and neither are those of which the store cannot tell whether they are hosted. Nothing is known
    /// against them. Where several upstreams may have a package, the first that is known to have it is asked.
    pub async fn advisories(&self, caller: &Caller, packages: &AuditedPackages) -> Result<Advisories, Error> {
        self.audit().advisories(caller, packages).await
    }

    /// What is known against a project's dependencies, in the older form, in which advisories tell where in the tree
    /// the packages are. Asks as [`Registry::advisories`] does.
    pub async fn audit_report(&self, caller: &Caller, tree: AuditTree) -> Result<Value, Error> {
        self.audit().audit_report(caller, tree).await
    }
}
