use std::sync::Arc;

use indexmap::IndexMap;

use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, ForeignDocument, Packument, Person, Protection};
use crate::{Error, Registry};

use super::derived_cache::Derived;

/// The small parts of a packument that are read by themselves.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Tag → version, of versions that are there.
    pub(crate) dist_tags: IndexMap<String, String>,
    pub(crate) owners: Vec<Person>,
    pub(crate) protection: Protection,
    audience: Audience,
}

impl Registry {
    /// The summary of a package that the caller may read, from where the rules take it. Of a hosted package whose
    /// packument has not changed, the store is asked just that.
    pub(crate) async fn summary(&self, caller: &Caller, name: &PackageName) -> Result<Arc<Summary>, Error> {
        self.require_read(caller, name)?;
        let hosted = || self.parts.caches.summaries.get(self, name, name);
        let read = || async {
            let summary = if let Some(summary) = self.if_hosted(name, hosted).await? {
                summary
            } else {
                let of_upstream = |document: &ForeignDocument<'_>| Ok(Summary::of_upstream(document));
                Arc::new(Box::pin(self.of_upstream_document(name, of_upstream)).await?)
            };
            self.require_audience(caller, name, &summary.audience)?;
            Ok(summary)
        };
        self.read_again_if_published(read).await
    }
}

impl Summary {
    fn of_upstream(document: &ForeignDocument<'_>) -> Self {
        Self {
            dist_tags: document.dist_tags(),
            owners: document.maintainers(),
            protection: Protection::default(),
            audience: Audience::default(),
        }
    }
}

impl Derived for Summary {
    type Key = PackageName;

    fn derive(_: &Self::Key, name: &PackageName, json: &[u8]) -> Result<Self, Error> {
        let packument = Packument::parse(name, json)?;
        packument.require_existing()?;
        let tags = packument.live_dist_tags();
        Ok(Self {
            dist_tags: tags.map(|(tag, version)| (tag.to_owned(), version.to_owned())).collect(),
            audience: Audience::of(&packument),
            protection: packument.protection,
            owners: packument.maintainers,
        })
    }

    fn weight(&self) -> usize {
        let tags = self.dist_tags.iter().map(|(tag, version)| tag.len() + version.len() + 64);
        let owners = self.owners.iter().map(|owner| owner.name.len() + owner.email.len() + 48);
        tags.sum::<usize>() + owners.sum::<usize>() + self.audience.weight()
    }
}
