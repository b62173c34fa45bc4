use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::Error;
use crate::domain::PackageName;
use crate::error::PolicyError;

use super::advisory::PackageAdvisories;
use super::dump::Dump;
use super::osv;
use super::record::{AdvisoryRecord, DumpRecord};

/// All advisories at one moment.
#[derive(Debug)]
pub(crate) struct AdvisoryIndex {
    dump: Option<Arc<Dump>>,
    pub(super) dump_record: Option<DumpRecord>,
    /// Those of administrators.
    own: HashMap<PackageName, (u64, Arc<PackageAdvisories>)>,
    pub(super) own_ids: Vec<String>,
}

impl AdvisoryIndex {
    pub(super) fn new(record: &AdvisoryRecord, dump: Option<Arc<Dump>>) -> Result<Self, Error> {
        let mut own: HashMap<PackageName, PackageAdvisories> = HashMap::new();
        for advisory in &record.own {
            let read = osv::read(advisory.osv.get().as_bytes())
                .map_err(|error| Error::Policy(PolicyError::AdvisoriesUnreadable { source: error.into() }))?;
            for (name, found) in read.into_iter().flat_map(|read| read.packages) {
                let package = own.entry(name).or_default();
                package.changed = package.changed.max(Some(advisory.added));
                package.advisories.push(found);
            }
        }
        for removed in &record.removed {
            let package = own.entry(removed.package.clone()).or_default();
            package.changed = package.changed.max(Some(removed.at));
        }
        let own = own.into_iter().map(|(name, package)| {
            let mut hash = DefaultHasher::new();
            package.changed.hash(&mut hash);
            for advisory in &package.advisories {
                serde_json::to_string(advisory).unwrap_or_default().hash(&mut hash);
            }
            (name, (hash.finish(), Arc::new(package)))
        });
        let own_ids = record.own.iter().map(|advisory| advisory.id.clone()).collect();
        Ok(Self { dump, dump_record: record.dump.clone(), own: own.collect(), own_ids })
    }

    /// Leaves out the advisories of administrators.
    pub(super) fn without_own(&self) -> Self {
        let (dump, dump_record) = (self.dump.clone(), self.dump_record.clone());
        Self { dump, dump_record, own: HashMap::new(), own_ids: Vec::new() }
    }

    /// Returns the dump, if it is the one of this record.
    pub(super) fn dump_of(&self, record: &DumpRecord) -> Option<Arc<Dump>> {
        let is_same = self.dump_record.as_ref().is_some_and(|known| known.digest == record.digest);
        self.dump.as_ref().filter(|_| is_same).map(Arc::clone)
    }

    /// Identifies what is known of a package.
    pub(crate) fn state(&self, name: &PackageName) -> (Option<u64>, Option<u64>) {
        let of_dump = self.dump.as_ref().and_then(|dump| dump.state(name));
        (of_dump, self.own.get(name).map(|(state, _)| *state))
    }

    /// Returns what is known of a package: in the database, and by administrators.
    pub(crate) fn package(&self, name: &PackageName) -> Vec<Arc<PackageAdvisories>> {
        let own = self.own.get(name).map(|(_, package)| Arc::clone(package));
        own.into_iter().chain(self.package_of_database(name)).collect()
    }

    /// Returns what the database says of a package.
    pub(crate) fn package_of_database(&self, name: &PackageName) -> Option<Arc<PackageAdvisories>> {
        self.dump.as_ref().and_then(|dump| dump.package(name))
    }

    /// Whether administrators wrote an advisory for the package, which may be private.
    pub(crate) fn has_own(&self, name: &PackageName) -> bool {
        self.own.contains_key(name)
    }

    /// Returns the packages with advisories of administrators and, with `all`, of the database.
    pub(super) fn packages_of(
        &self,
        all: bool,
    ) -> impl Iterator<Item = (PackageName, Arc<PackageAdvisories>)> {
        let own = self.own.iter().map(|(name, (_, package))| (name.clone(), Arc::clone(package)));
        let of_dump = self.dump.iter().filter(move |_| all).flat_map(|dump| dump.packages());
        own.chain(of_dump.map(|(name, package)| (name, Arc::new(package))))
    }
}
