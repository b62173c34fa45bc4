use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::Error;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, ForeignDocument, Packument, Person, Protection};
use crate::domain::search::SearchEntry;
use crate::policy::PackagePolicy;

use super::derived_cache::Derived;

/// The bytes that a search entry is counted with.
const ENTRY: usize = 1024;

/// The small parts of a packument that are read on their own.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Tag → version, for existing versions.
    pub(crate) dist_tags: IndexMap<String, String>,
    pub(crate) owners: Vec<Person>,
    pub(crate) protection: Protection,
    pub(crate) audience: Audience,
    pub(crate) search: SearchView,
    valid_until: Option<DateTime<Utc>>,
}

/// What a search finds of a package.
#[derive(Debug, Clone)]
pub(crate) enum SearchView {
    /// What the index has: no version is refused.
    AsIndexed,
    /// The version that `latest` names for readers.
    Entry(Box<SearchEntry>),
    /// Nothing: every version is refused.
    Hidden,
}

impl Summary {
    pub(crate) fn of_upstream(document: &ForeignDocument<'_>) -> Self {
        Self {
            dist_tags: document.dist_tags(),
            owners: document.maintainers(),
            protection: Protection::default(),
            audience: Audience::default(),
            search: SearchView::AsIndexed,
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
        let mut search = SearchView::AsIndexed;
        if let Some(decisions) = decisions.as_ref().filter(|decisions| !decisions.allows_all()) {
            packument.hide(decisions);
            search = SearchEntry::of(&packument)
                .map_or(SearchView::Hidden, |entry| SearchView::Entry(Box::new(entry)));
        }
        let tags = packument.live_dist_tags();
        Ok(Self {
            dist_tags: tags.map(|(tag, version)| (tag.to_owned(), version.to_owned())).collect(),
            audience: Audience::of(&packument),
            protection: packument.protection,
            owners: packument.maintainers,
            search,
            valid_until: decisions.and_then(|decisions| decisions.valid_until()),
        })
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    fn weight(&self) -> usize {
        let tags = self.dist_tags.iter().map(|(tag, version)| tag.len() + version.len() + 64);
        let owners = self.owners.iter().map(|owner| owner.name.len() + owner.email.len() + 48);
        let entry = if matches!(self.search, SearchView::Entry(_)) { ENTRY } else { 0 };
        tags.sum::<usize>() + owners.sum::<usize>() + self.audience.weight() + entry
    }
}
