use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::domain::GroupName;
use crate::storage::{BlobPath, BlobPrefix, Key};

use super::ChangedDocument;

/// A blob that says that the outbox of a document holds an event, or soon will. It is written before the commit and
/// deleted after the event is delivered, so that any replica finds the events of a replica that crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboxMarker {
    pub(crate) path: BlobPath,
}

/// What a marker holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MarkerContent {
    /// Where the change feed ended before the commit.
    pub(super) after: u64,
}

/// A marker, as its path describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedMarker {
    pub(super) document: ChangedDocument,
    /// The first id of the events of the commit.
    pub(super) id: String,
    /// When the commit began, in milliseconds since 1970.
    pub(super) began: i64,
}

impl OutboxMarker {
    pub(super) fn new(document: &ChangedDocument, began: i64, id: &str) -> Result<Self, Error> {
        let path = match document {
            ChangedDocument::Package(name) => Key::OutboxOfPackage(name, began, id).path()?,
            ChangedDocument::Organization(name) => Key::OutboxOfOrganization(name, began, id).path()?,
            ChangedDocument::BlockedVersions => Key::OutboxOfBlockedVersions(began, id).path()?,
        };
        Ok(Self { path })
    }

    /// The folder of all markers.
    pub(super) fn folder() -> Result<BlobPrefix, Error> {
        Ok(Key::outboxes()?)
    }
}

impl ParsedMarker {
    /// Returns what a path says; `None` if it is not that of a marker.
    pub(super) fn parse(path: &BlobPath) -> Option<Self> {
        let (folder, name) = path.as_str().strip_prefix("_outbox/")?.rsplit_once('/')?;
        let (began, id) = name.split_once('-')?;
        let document = match folder.split_once('/')? {
            ("packages", folder) => ChangedDocument::Package(Key::package_of_folder(folder)?),
            ("organizations", name) => ChangedDocument::Organization(GroupName::parse(name).ok()?),
            ("policy", "blocked") => ChangedDocument::BlockedVersions,
            _ => return None,
        };
        let began = began.parse().ok().filter(|began| DateTime::from_timestamp_millis(*began).is_some())?;
        Some(Self { document, id: id.to_owned(), began })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PackageName;

    #[test]
    fn a_marker_says_which_document_it_is_of() {
        let package = ChangedDocument::Package(PackageName::parse("@acme/JSONStream").unwrap());
        let organization = ChangedDocument::Organization(GroupName::parse("acme").unwrap());
        for document in [package, organization, ChangedDocument::BlockedVersions] {
            let marker = OutboxMarker::new(&document, 1_767_323_045_000, "0a0b").unwrap();
            let parsed = ParsedMarker::parse(&marker.path).unwrap();
            assert_eq!(parsed, ParsedMarker { document, id: "0a0b".into(), began: 1_767_323_045_000 });
        }
        assert_eq!(ParsedMarker::parse(&BlobPath::parse("_outbox/packages/pear/x-1").unwrap()), None);
        assert_eq!(ParsedMarker::parse(&BlobPath::parse("_orgs/acme.json").unwrap()), None);
    }
}
