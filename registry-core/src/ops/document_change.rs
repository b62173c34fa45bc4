use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Caller;
use crate::domain::packument::{Audience, Packument, Person, Revision};
use crate::domain::shorten::shorten;
use crate::domain::{PackageName, Version};
use crate::{Error, Registry};

use super::deprecate::{deprecation, deprecation_text, require_existing, require_revision};

/// A packument as a client sends it back with a change in it.
///
/// What the change is shows only in comparison with the stored packument, and only that is applied: clients
/// echo much that they must not decide.
#[derive(Debug, Default, Deserialize)]
pub struct ChangeDocument {
    /// The revision that the client saw.
    #[serde(rename = "_rev")]
    pub revision: Option<String>,
    /// Version → manifest, of which the deprecation counts.
    pub versions: Option<IndexMap<String, ManifestChange>>,
    /// The tags, which count when versions are gone.
    #[serde(rename = "dist-tags")]
    pub dist_tags: Option<IndexMap<String, String>>,
    /// The owners, which count when there are no versions.
    pub maintainers: Option<Vec<Person>>,
    /// The stars, of which the caller's own counts.
    pub users: Option<IndexMap<String, Value>>,
}

/// What counts of a manifest that is sent back.
#[derive(Debug, Default, Deserialize)]
pub struct ManifestChange {
    /// What installs are to say.
    pub deprecated: Option<Value>,
}

/// A change that was recognised.
enum Change {
    Deprecate(IndexMap<Version, String>),
    Unpublish { versions: Vec<Version>, dist_tags: Option<IndexMap<String, String>> },
    Owners(Vec<Person>),
    Star(bool),
}

impl Registry {
    /// Finds the changes in a packument that a client sent back, and makes them.
    ///
    /// `removal_revision` is the revision of `PUT /{name}/-rev/{revision}`; without it no version is removed.
    pub async fn change_by_document(
        &self,
        caller: &Caller,
        name: &PackageName,
        document: ChangeDocument,
        removal_revision: Option<&str>,
    ) -> Result<(), Error> {
        self.require_read(caller, name)?;
        self.require_signed_in(caller, Some(name), "publish")?;
        let index = self.require_index_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        self.require_audience(caller, name, &Audience::of(&packument))?;
        require_existing(&packument)?;
        let seen = removal_revision.or(document.revision.as_deref()).map(seen_revision).transpose()?;
        require_revision(&packument, seen.as_ref())?;
        let changes = recognise(&packument, document, removal_revision.is_some(), caller.name())?;
        drop(packument);
        for change in changes {
            match change {
                Change::Deprecate(messages) => {
                    self.deprecate(caller, name, messages, seen.clone()).await?;
                }
                Change::Unpublish { versions, dist_tags } => {
                    self.unpublish_versions(caller, name, versions, dist_tags, seen.clone()).await?;
                }
                Change::Owners(owners) => {
                    self.set_owners(caller, name, owners, seen.clone()).await?;
                }
                Change::Star(starred) => self.star(caller, name, starred).await?,
            }
        }
        Ok(())
    }
}

/// Reads the revision that a client says it saw. A client that saw none, and says `undefined`, must not change a
/// package by what it believes of it.
pub(crate) fn seen_revision(text: &str) -> Result<Revision, Error> {
    text.parse().map_err(|_| {
        Error::request(
            "the client did not say which revision of the package it changes: make this change with npm or pnpm",
        )
    })
}

fn recognise(
    packument: &Packument<'_>,
    document: ChangeDocument,
    may_remove: bool,
    caller: Option<&str>,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    if document.versions.is_none() && document.maintainers.is_none() && document.users.is_none() {
        return Err(Error::request(
            "the document has no attachment, no versions, no maintainers and no users: there is nothing to change",
        ));
    }
    let star = recognise_star(packument, document.users.as_ref(), caller);
    let Some(versions) = document.versions else {
        if let Some(owners) = document.maintainers {
            changes.push(Change::Owners(owners));
        }
        changes.extend(star);
        return Ok(changes);
    };
    let messages = deprecations(packument, &versions)?;
    if !messages.is_empty() {
        changes.push(Change::Deprecate(messages));
    }
    let gone = packument.versions.keys().filter(|version| !versions.contains_key(version.as_str()));
    let gone: Vec<Version> = gone.filter_map(|version| Version::parse(version.as_str()).ok()).collect();
    if may_remove && !gone.is_empty() {
        // A deprecation in the same document would move the revision on under the removal.
        changes.retain(|change| !matches!(change, Change::Deprecate(_)));
        changes.push(Change::Unpublish { versions: gone, dist_tags: document.dist_tags });
    }
    changes.extend(star);
    Ok(changes)
}

fn recognise_star(
    packument: &Packument<'_>,
    users: Option<&IndexMap<String, Value>>,
    caller: Option<&str>,
) -> Option<Change> {
    let caller = caller?;
    let starred = users?.get(caller) == Some(&Value::Bool(true));
    (starred != (packument.users.get(caller) == Some(&true))).then_some(Change::Star(starred))
}

fn deprecations(
    packument: &Packument<'_>,
    versions: &IndexMap<String, ManifestChange>,
) -> Result<IndexMap<Version, String>, Error> {
    let mut messages = IndexMap::new();
    for (version, sent) in versions {
        let Some(stored) = packument.versions.get(version.as_str()) else {
            // Passed over, a publish that lost its tarball on the way would look like one that succeeded.
            return Err(Error::request(format!(
                "the document has a version {:?} that is not published, and no tarball of it: publish it with its \
                 tarball, or read the package again before changing it",
                shorten(version)
            )));
        };
        let message = deprecation_text(sent.deprecated.as_ref()).unwrap_or_default();
        if message != deprecation(stored).unwrap_or_default() {
            messages.insert(Version::parse(version)?, message);
        }
    }
    Ok(messages)
}
