use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::Error;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, ForeignDocument, Packument, Person, Protection};
use crate::domain::search::SearchEntry;
use crate::policy::PackagePolicy;

use super::derived_cache::Derived;

/// The small parts of a packument that are read on their own.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Tag → version, for existing versions.
    pub(crate) dist_tags: IndexMap<String, String>,
    pub(crate) owners: Vec<Person>,
    pub(crate) protection: Protection,
    pub(crate) audience: Audience,
    /// The search entry where versions are refused: of the version that `latest` names for readers, if there is one.
    pub(crate) search_entry: Option<Option<SearchEntry>>,
    valid_until: Option<DateTime<Utc>>,
}

impl Summary {
    pub(crate) fn of_upstream(document: &ForeignDocument<'_>) -> Self {
        Self {
            dist_tags: document.dist_tags(),
            owners: document.maintainers(),
            protection: Protection::default(),
            audience: Audience::default(),
            search_entry: None,
            valid_until: None,
        }
    }
}

impl Derived for Summary {
    type Key = (PackageName, u64);

    fn derive(_: &Self::Key, name: &PackageName, json: &[u8], policy: &PackagePolicy) -> Result<Self, Error> {
        let mut packument = Packument::parse(name, json)?;
        packument.require_existing()?;
        let decisions = policy.decide_hosted(&packument);
        let mut search_entry = None;
        if let Some(decisions) = decisions.as_ref().filter(|decisions| !decisions.allows_all()) {
            packument.hide(decisions);
            search_entry = Some(SearchEntry::of(&packument));
        }
        let tags = packument.live_dist_tags();
        Ok(Self {
            dist_tags: tags.map(|(tag, version)| (tag.to_owned(), version.to_owned())).collect(),
            audience: Audience::of(&packument),
            protection: packument.protection,
            owners: packument.maintainers,
            search_entry,
            valid_until: decisions.and_then(|decisions| decisions.valid_until()),
        })
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    fn weight(&self) -> usize {
        let tags = self.dist_tags.iter().map(|(tag, version)| tag.len() + version.len() + 64);
        let owners = self.owners.iter().map(|owner| owner.name.len() + owner.email.len() + 48);
        /// A search entry, if there is one.
        const ENTRY: usize = 1024;
        let entry = if self.search_entry.is_some() { ENTRY } else { 0 };
        tags.sum::<usize>() + owners.sum::<usize>() + self.audience.weight() + entry
    }
}
