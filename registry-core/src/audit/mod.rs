//! Advisories for packages, requested from the upstreams that they come from.

mod bulk;
mod packages;
mod report;
mod tree;
mod vulnerable_range;

pub use bulk::{Advisories, AuditFallback};
pub use packages::AuditedPackages;
pub use tree::AuditTree;

use std::sync::Arc;

use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::proxy::{Proxy, ProxyParts};

/// Asks upstreams what is known against packages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit {
    parts: Arc<AuditParts>,
    authorization: Authorization,
}

/// What [`Audit`] works with.
pub(crate) struct AuditParts {
    pub(crate) fallback: AuditFallback,
    pub(crate) catalog: Arc<CatalogParts>,
    pub(crate) proxy: Arc<ProxyParts>,
}

impl Audit {
    pub(crate) fn new(parts: &Arc<AuditParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }
}
