use indexmap::IndexMap;

use crate::domain::Version;
use crate::domain::packument::{Packument, Person};

/// A recognized change.
pub(super) enum RequestedChange {
    Deprecate(IndexMap<Version, String>),
    Unpublish { versions: Vec<Version>, dist_tags: Option<IndexMap<String, String>> },
    Owners(Vec<Person>),
    Star(bool),
}

impl RequestedChange {
    /// Returns the change of the stored packument of which the client saw `shown`: tags that policies moved or hid for readers
    /// stay where they are.
    pub(super) fn of_stored(self, shown: &Packument<'_>, stored: &Packument<'_>) -> Self {
        let Self::Unpublish { versions, dist_tags: Some(mut tags) } = self else { return self };
        for (tag, version) in &stored.dist_tags {
            match shown.dist_tags.get(tag) {
                Some(seen) if seen == version => {}
                // The client changed it, and not only because it removed the version.
                Some(seen)
                    if tags.get(tag) != Some(seen)
                        && !versions.iter().any(|removed| removed.as_str() == seen) => {}
                _ => {
                    tags.insert(tag.clone(), version.clone());
                }
            }
        }
        Self::Unpublish { versions, dist_tags: Some(tags) }
    }

    /// The change's verb, for an error.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Deprecate(_) => "deprecates versions",
            Self::Unpublish { .. } => "removes versions",
            Self::Owners(_) => "changes the owners",
            Self::Star(true) => "stars the package",
            Self::Star(false) => "takes a star back",
        }
    }
}
