//! Which packages are hosted here: their stored packuments, what is rendered of them, and the spellings of their names.
//!
//! Everything that asks whether a package is hosted asks the [`Catalog`], so that only a proven absence is an absence.

pub(crate) mod derived_cache;
mod hosted;
mod hosted_check;
mod judged;
mod list;
mod representation;
mod similar_name;
mod spelling;
mod stored_packument;
mod summary;

use std::sync::Arc;

pub(crate) use hosted_check::HostedCheck;
pub(crate) use judged::{Judged, nothing_allowed, require_selectable};
pub use representation::Representation;
pub(crate) use representation::{ReadCaches, RepresentationKey};
pub(crate) use similar_name::NameCheck;
pub(crate) use spelling::{MAX_LOOKUPS, Standing};
pub(crate) use stored_packument::StoredPackument;
pub(crate) use summary::{SearchView, Summary};

use crate::authorization::Authorization;
use crate::policy::Policies;
use crate::storage::Storage;

/// The hosted packages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    parts: Arc<CatalogParts>,
    authorization: Authorization,
}

/// What [`Catalog`] works with.
pub(crate) struct CatalogParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) caches: Arc<ReadCaches>,
    pub(crate) hosted_check: Arc<HostedCheck>,
    pub(crate) policies: Arc<Policies>,
    /// `None` if names are not checked.
    pub(crate) name_check: Option<NameCheck>,
}

impl CatalogParts {
    pub(crate) fn new(
        store: &Arc<Storage>,
        caches: &Arc<ReadCaches>,
        hosted_check: &Arc<HostedCheck>,
        policies: Arc<Policies>,
        name_check: Option<NameCheck>,
    ) -> Self {
        let (store, caches) = (Arc::clone(store), Arc::clone(caches));
        Self { store, caches, hosted_check: Arc::clone(hosted_check), policies, name_check }
    }
}

impl Catalog {
    pub(crate) fn new(parts: &Arc<CatalogParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }
}
