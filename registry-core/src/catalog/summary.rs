use indexmap::IndexMap;

use crate::Error;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, ForeignDocument, Packument, Person, Protection};

use super::derived_cache::Derived;

/// The small parts of a packument that are read on their own.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Tag → version, for existing versions.
    pub(crate) dist_tags: IndexMap<String, String>,
    pub(crate) owners: Vec<Person>,
    pub(crate) protection: Protection,
    pub(crate) audience: Audience,
}

impl Summary {
    pub(crate) fn of_upstream(document: &ForeignDocument<'_>) -> Self {
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
