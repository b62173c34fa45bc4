use std::collections::BTreeSet;
use std::sync::Arc;

use super::counts::{PLACES, place_of};
use crate::domain::{PackageName, PackageNameError};

/// The packages whose counts are read. Those of others are skipped, and cost no memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    All,
    /// In order, each once.
    These(Arc<[PackageName]>),
}

impl Wanted {
    pub(super) fn these(names: impl IntoIterator<Item = PackageName>) -> Self {
        let names: BTreeSet<_> = names.into_iter().collect();
        Self::These(names.into_iter().collect())
    }

    /// Returns the package of this name, as it is stored; `None` if it is not wanted.
    pub(super) fn find(&self, name: &str) -> Result<Option<PackageName>, PackageNameError> {
        match self {
            Self::All => PackageName::parse(name).map(Some),
            Self::These(names) => {
                let found = names.binary_search_by(|known| known.as_str().cmp(name));
                Ok(found.ok().map(|at| names[at].clone()))
            }
        }
    }

    /// Returns the shards that the packages are in.
    pub(super) fn places(&self) -> BTreeSet<usize> {
        match self {
            Self::All => (0..PLACES).collect(),
            Self::These(names) => names.iter().map(place_of).collect(),
        }
    }
}
