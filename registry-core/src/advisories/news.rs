//! Advisories that are about to be stored, and what they say that those before did not.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::PackageName;

use super::advisory::Advisory;
use super::dump::Dump;
use super::keys::AdvisoryKey;
use super::record::{DumpRecord, OwnAdvisory};

/// A package and the advisories that are new for it.
pub(crate) type NewsOfPackage = (PackageName, Vec<Advisory>);

/// A dump to store, and the one that it replaces.
pub(crate) struct PreparedDump {
    pub(super) bytes: Bytes,
    pub(super) record: DumpRecord,
    pub(super) before: Option<Arc<Dump>>,
    pub(super) key: AdvisoryKey,
    pub(super) begin_anew: bool,
}

/// An advisory of an administrator to store.
pub(crate) struct PreparedAdvisory {
    pub(crate) own: OwnAdvisory,
    pub(crate) packages: Vec<NewsOfPackage>,
}

impl PreparedDump {
    /// Returns what it says of these packages that the dump before did not say.
    pub(crate) async fn news(&self, names: BTreeSet<PackageName>) -> Result<Vec<NewsOfPackage>, Error> {
        let (bytes, record, before) = (self.bytes.clone(), self.record.clone(), self.before.clone());
        let found = compute_elsewhere(move || {
            let after = Dump::read(&bytes, &record.digest, record.inflated).map_err(Error::internal)?;
            let news = names.into_iter().filter_map(|name| {
                let new = news_of(before.as_deref(), &after, &name);
                (!new.is_empty()).then_some((name, new))
            });
            Ok(news.collect())
        });
        found.await?
    }
}

fn news_of(before: Option<&Dump>, after: &Dump, name: &PackageName) -> Vec<Advisory> {
    let Some(found) = after.package(name) else { return Vec::new() };
    let known = before.and_then(|before| before.package(name)).unwrap_or_default();
    found.advisories.iter().filter(|advisory| !known.advisories.contains(advisory)).cloned().collect()
}
