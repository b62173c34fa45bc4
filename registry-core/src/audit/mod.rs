//! Advisories for packages, requested from the upstreams that they come from, or found in the store.

mod bulk;
mod local;
mod packages;
mod report;
mod tree;
mod vulnerable_range;

pub use bulk::{Advisories, AuditFallback, AuditSource};
pub use packages::AuditedPackages;
pub use tree::AuditTree;

use std::sync::Arc;

use crate::advisories::AdvisoryStore;
use crate::authorization::Authorization;
use crate::catalog::{Catalog, CatalogParts};
use crate::proxy::{Proxy, ProxyParts};

/// Says what is known against packages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit {
    parts: Arc<AuditParts>,
    authorization: Authorization,
}

/// What [`Audit`] works with.
pub(crate) struct AuditParts {
    pub(crate) source: AuditSource,
    pub(crate) fallback: AuditFallback,
    pub(crate) advisories: Arc<AdvisoryStore>,
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
