use crate::domain::PackageName;

use super::SearchEntry;

/// A package prepared for any number of searches: the compared texts are in lowercase.
#[derive(Debug, Clone)]
pub(crate) struct Findable {
    /// The package.
    pub(crate) name: PackageName,
    /// Its search entry; `None` if all its versions were unpublished, so that no search finds it.
    pub(crate) entry: Option<SearchEntry>,
    pub(super) folded_name: String,
    pub(super) description: String,
    pub(super) keywords: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) maintainers: Vec<String>,
}

impl Findable {
    /// Prepares a package.
    pub(crate) fn new(name: PackageName, entry: Option<SearchEntry>) -> Self {
        let kept = entry.as_ref();
        let fold = |text: &String| text.to_lowercase();
        let authors = kept.map(|kept| {
            let publisher = kept.publisher.as_ref().map(|publisher| &publisher.name);
            kept.author.iter().chain(publisher).map(fold).collect()
        });
        Self {
            folded_name: name.as_str().to_lowercase(),
            description: kept.map(|kept| kept.description.to_lowercase()).unwrap_or_default(),
            keywords: kept.map(|kept| kept.keywords.iter().map(fold).collect()).unwrap_or_default(),
            authors: authors.unwrap_or_default(),
            maintainers: kept
                .map(|kept| kept.maintainers.iter().map(|person| person.name.to_lowercase()).collect())
                .unwrap_or_default(),
            name,
            entry,
        }
    }

    /// The scope in lowercase, without its `@`.
    pub(super) fn scope(&self) -> Option<&str> {
        Some(self.folded_name.strip_prefix('@')?.split_once('/')?.0)
    }

    /// The name in lowercase, without the scope.
    pub(super) fn base(&self) -> &str {
        self.folded_name.rsplit('/').next().unwrap_or(&self.folded_name)
    }
}
