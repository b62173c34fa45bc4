mod requested;
mod top;

use crate::access::Action;
use crate::error::PackageError;
use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute;
use crate::domain::packument::{Audience, JsonKey, ManifestChange, Packument, Person, Revision};
use crate::domain::shorten::shorten;
use crate::domain::{PackageName, Version};
use crate::packages::Packages;

use crate::domain::packument::{deprecation, deprecation_text};

use requested::RequestedChange;

/// How often a document is compared again because the package changed between the comparison and the write.
const ATTEMPTS: usize = 10;

/// A packument that a client sends back with one change in it.
///
/// The change is found by comparison with the stored packument. Either one change is made or nothing is: a document
/// with several changes is rejected, and so is one with a change that has its own request, or that no request makes,
/// such as of `readme`. The stars of other accounts and the email addresses of owners are not compared.
#[derive(Debug, Default, Deserialize)]
pub struct ChangeDocument {
    /// The revision that the client saw.
    #[serde(rename = "_rev")]
    pub revision: Option<String>,
    /// The package that the client read.
    pub name: Option<Value>,
    /// The package that the client read, as `_id` names it.
    #[serde(rename = "_id")]
    pub id: Option<Value>,
    /// Whether the client asks to delete the package, as in `CouchDB`.
    #[serde(rename = "_deleted")]
    pub deleted: Option<Value>,
    /// Version → manifest, of which only the deprecation is compared.
    pub versions: Option<IndexMap<String, ManifestChange>>,
    /// The tags, which may change only if versions are removed.
    #[serde(rename = "dist-tags")]
    pub dist_tags: Option<IndexMap<String, String>>,
    /// The publish times, whose keys are the versions that the client saw.
    pub time: Option<IndexMap<String, Value>>,
    /// The owners, which may change only if the document has no versions.
    pub maintainers: Option<Vec<Person>>,
    /// The stars, of which only the caller's own is compared.
    pub users: Option<IndexMap<String, Value>>,
    /// Whether the package is restricted or public, which is as it was.
    pub access: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub readme: Option<Value>,
    /// A top-level field, which must equal the stored value.
    #[serde(rename = "readmeFilename")]
    pub readme_filename: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub description: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub keywords: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub license: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub homepage: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub repository: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub bugs: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub author: Option<Value>,
    /// A top-level field, which must equal the stored value.
    pub contributors: Option<Value>,
}

impl ChangeDocument {
    /// Rejects a document that names another package or two revisions, or asks for a change that has its own request.
    fn require_consistent(&self, name: &PackageName, removal_revision: Option<&str>) -> Result<(), Error> {
        let is_other = |named: &Option<Value>| named.as_ref().is_some_and(|named| named != name.as_str());
        if is_other(&self.name) || is_other(&self.id) {
            return Err(Error::request(format!(
                "the document is that of another package than {name}: send it to the address of its own package"
            )));
        }
        if self.deleted.as_ref().is_some_and(|deleted| *deleted != Value::Bool(false)) {
            return Err(Error::request(format!(
                "the document says that the package is deleted: run `npm unpublish {name} --force`"
            )));
        }
        match (removal_revision, self.revision.as_deref()) {
            (Some(of_path), Some(of_document)) if of_path != of_document => {
                Err(Error::Package(PackageError::StaleRevision))
            }
            _ => Ok(()),
        }
    }
}

impl Packages {
    pub(crate) async fn change_by_document(
        &self,
        caller: &Caller,
        name: &PackageName,
        document: ChangeDocument,
        removal_revision: Option<&str>,
    ) -> Result<(), Error> {
        self.authorization.require_read(caller, name)?;
        self.authorization.require_signed_in(caller, Some(name), Action::Publish.into())?;
        let document = Arc::new(document);
        for _ in 0..ATTEMPTS {
            let index = self.proxy().require_packument_to_change(caller, name).await?;
            let packument = Packument::parse(name, &index.blob.bytes)?;
            self.authorization.require_audience(caller, name, &Audience::of(&packument))?;
            packument.require_existing()?;
            drop(packument);
            let seen = removal_revision.or(document.revision.as_deref()).map(seen_revision).transpose()?;
            document.require_consistent(name, removal_revision)?;
            let (owned, document, by) =
                (name.clone(), Arc::clone(&document), caller.name().map(str::to_owned));
            let may_remove = removal_revision.is_some();
            let policy = self.catalog().hosted_policy(name).await?;
            let recognized = compute(index.blob.bytes.len(), move || {
                let stored = Packument::parse(&owned, &index.blob.bytes)?;
                // The client saw, and sends back, what policies let readers see.
                let mut packument = stored.clone();
                if let Some(decisions) = policy.decide_hosted(&stored) {
                    packument.hide(&decisions);
                }
                let sent = Sent { packument: &packument, document: &document, seen, may_remove };
                let change =
                    sent.recognize(by.as_deref())?.map(|change| change.of_stored(&packument, &stored));
                Ok::<_, Error>((change, stored.revision.clone()))
            })
            .await??;
            let (Some(change), expected) = recognized else { return Ok(()) };
            match self.make_change(caller, name, change, expected).await {
                // Another writer changed the package in the meantime, which may not affect this change.
                Err(Error::Package(PackageError::StaleRevision)) => {}
                made => return made,
            }
        }
        Err(Error::Busy)
    }

    async fn make_change(
        &self,
        caller: &Caller,
        name: &PackageName,
        change: RequestedChange,
        expected: Revision,
    ) -> Result<(), Error> {
        let expected = Some(expected);
        match change {
            RequestedChange::Deprecate(messages) => {
                self.deprecate(caller, name, messages, expected).await.map(drop)
            }
            RequestedChange::Unpublish { versions, dist_tags } => {
                self.unpublish_versions(caller, name, versions, dist_tags, expected).await.map(drop)
            }
            RequestedChange::Owners(owners) => {
                self.set_owners(caller, name, owners, expected).await.map(drop)
            }
            RequestedChange::Star(starred) => self.star(caller, name, starred).await,
        }
    }
}

/// Parses the revision that a client says it saw. Rejects `undefined`: a client that saw no revision must not change a
/// package.
pub(crate) fn seen_revision(text: &str) -> Result<Revision, Error> {
    text.parse().map_err(|_| {
        Error::request(
            "the client did not say which revision of the package it changes: make this change with npm or pnpm",
        )
    })
}

/// A document beside the packument that it is compared with.
struct Sent<'a> {
    packument: &'a Packument<'a>,
    document: &'a ChangeDocument,
    /// The revision that the client saw.
    seen: Option<Revision>,
    may_remove: bool,
}

impl<'a> Sent<'a> {
    fn recognize(&self, caller: Option<&str>) -> Result<Option<RequestedChange>, Error> {
        let star = self.star(caller);
        if self.saw_current() {
            // After a publish meanwhile, what the client saw at the top is not known.
            self.document.require_same_top(self.packument)?;
        }
        let Some(versions) = &self.document.versions else { return self.without_versions(star) };
        let newer = self.published_since(versions)?;
        let messages = self.deprecations(versions)?;
        if self.document.maintainers.as_deref().is_some_and(|owners| !self.are_owners(owners)) {
            return Err(Error::request(
                "the document changes the owners together with other changes: run `npm owner add` or `npm \
                 owner rm`; nothing was changed",
            ));
        }
        let mut changes = Vec::new();
        let gone: Vec<&str> = self.keys().filter(|version| !versions.contains_key(*version)).collect();
        if let Some(left_out) = gone.iter().find(|version| !self.may_remove && !newer.contains(**version)) {
            return Err(Error::request(format!(
                "the document leaves out {left_out}, which stays: run `npm unpublish {}@{left_out}` to remove it, or read \
                 the package again before changing it",
                self.packument.name
            )));
        }
        if gone.is_empty() || !self.may_remove {
            self.require_same_tags(&newer)?;
        } else {
            self.require_same_latest(&gone)?;
            let versions = gone.into_iter().map(Version::parse).collect::<Result<_, _>>()?;
            changes.push(RequestedChange::Unpublish { versions, dist_tags: self.document.dist_tags.clone() });
        }
        if !messages.is_empty() {
            changes.push(RequestedChange::Deprecate(messages));
        }
        changes.extend(star);
        only(changes)
    }

    fn without_versions(&self, star: Option<RequestedChange>) -> Result<Option<RequestedChange>, Error> {
        if self.document.maintainers.is_none() && self.document.users.is_none() {
            return Err(Error::request(
                "the document has no attachment, no versions, no maintainers and no users: there is nothing to change",
            ));
        }
        let Some(owners) = &self.document.maintainers else {
            // A star is the caller's own, regardless of other changes in the meantime.
            return match self.require_same_tags(&BTreeSet::new()) {
                Err(_) if !self.saw_current() => Err(Error::Package(PackageError::StaleRevision)),
                Err(changes_tags) => Err(changes_tags),
                Ok(()) => Ok(star),
            };
        };
        self.packument.require_revision(self.seen.as_ref())?;
        self.require_same_tags(&BTreeSet::new())?;
        match star {
            Some(star) if self.are_owners(owners) => Ok(Some(star)),
            star => only(std::iter::once(RequestedChange::Owners(owners.clone())).chain(star).collect()),
        }
    }

    /// Whether the client saw the package as it is, or does not say what it saw.
    fn saw_current(&self) -> bool {
        self.seen.as_ref().is_none_or(|seen| *seen == self.packument.revision)
    }

    /// Refuses to move `latest` away from a version that stays. Where its version goes, the registry decides.
    fn require_same_latest(&self, gone: &[&str]) -> Result<(), Error> {
        let latest =
            self.packument.live_dist_tags().find(|(tag, _)| *tag == "latest").map(|(_, version)| version);
        let (Some(sent), Some(latest)) = (&self.document.dist_tags, latest) else { return Ok(()) };
        let proposed = sent.get("latest").map(String::as_str);
        let is_left =
            |version: &str| self.packument.versions.contains_key(version) && !gone.contains(&version);
        if let Some(missing) =
            proposed.filter(|version| gone.contains(&latest) && *version != latest && !is_left(version))
        {
            return Err(Error::request(format!(
                "the document sets the tag \"latest\" to {:?}, which is not a version that stays; nothing was changed",
                shorten(missing)
            )));
        }
        if gone.contains(&latest) || proposed == Some(latest) {
            return Ok(());
        }
        Err(Error::request(
            "the document moves the tag \"latest\" while it removes versions: run `npm dist-tag add`; \
             nothing was changed",
        ))
    }

    fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.packument.versions.keys().map(JsonKey::as_str)
    }

    /// The versions published since the client read the package, if nothing else happened to it: each change increments
    /// the revision by one, and only a publish appends a version.
    fn published_since(
        &self,
        versions: &IndexMap<String, ManifestChange>,
    ) -> Result<BTreeSet<&'a str>, Error> {
        let now = &self.packument.revision;
        let Some(seen) = self.seen.as_ref().filter(|seen| *seen != now) else { return Ok(BTreeSet::new()) };
        let changes =
            now.number().checked_sub(seen.number()).and_then(|changes| usize::try_from(changes).ok());
        let before = changes.and_then(|changes| self.packument.versions.len().checked_sub(changes));
        let is_genuine = !self.may_remove && self.packument.history.contains(seen);
        let Some(before) = before.filter(|_| is_genuine) else {
            return Err(Error::Package(PackageError::StaleRevision));
        };
        let newer: BTreeSet<&str> = self.keys().skip(before).collect();
        let was_seen = |version: &&str| {
            versions.contains_key(*version)
                || self.document.time.as_ref().is_some_and(|time| time.contains_key(*version))
        };
        if newer.is_empty() || newer.iter().any(was_seen) {
            return Err(Error::Package(PackageError::StaleRevision));
        }
        Ok(newer)
    }

    fn deprecations(
        &self,
        versions: &IndexMap<String, ManifestChange>,
    ) -> Result<IndexMap<Version, String>, Error> {
        let mut messages = IndexMap::new();
        for (version, sent) in versions {
            let Some(stored) = self.packument.versions.get(version.as_str()) else {
                // Without this check, a publish that lost its tarball on the way would look like a success.
                return Err(Error::request(format!(
                    "the document has a version {:?} that is not published, and no tarball of it: publish it with its \
                     tarball, or read the package again before changing it",
                    shorten(version)
                )));
            };
            if let Some(field) = sent.changed_field(stored) {
                return Err(Error::request(format!(
                    "the document changes {field} of {version}, and a published version stays as it is: publish a new \
                     version; nothing was changed"
                )));
            }
            if matches!(sent.deprecated, Some(Value::Number(_) | Value::Array(_) | Value::Object(_))) {
                return Err(Error::request(format!(
                    "the deprecation of {version} is not a text: run `npm deprecate` with a message"
                )));
            }
            let message = deprecation_text(sent.deprecated.as_ref()).unwrap_or_default();
            if message != deprecation(stored).unwrap_or_default() {
                messages.insert(Version::parse(version)?, message);
            }
        }
        Ok(messages)
    }

    /// Rejects tags other than the package's, except tags of versions newer than those the client saw.
    fn require_same_tags(&self, newer: &BTreeSet<&str>) -> Result<(), Error> {
        let Some(sent) = &self.document.dist_tags else { return Ok(()) };
        let known: IndexMap<&str, &str> = self.packument.live_dist_tags().collect();
        let moved = known.iter().find(|(tag, version)| {
            sent.get(**tag).is_none_or(|sent| sent != *version) && !newer.contains(**version)
        });
        let changed = moved.map(|(tag, _)| *tag);
        let added = || sent.keys().map(String::as_str).find(|tag| !known.contains_key(tag));
        let Some(tag) = changed.or_else(added) else { return Ok(()) };
        Err(Error::request(format!(
            "the document changes the tag {:?} together with other changes: run `npm dist-tag add` or `npm \
             dist-tag rm`; nothing was changed",
            shorten(tag)
        )))
    }

    /// Whether these are the owners. Mail addresses are not compared: they come from the accounts, not from clients.
    fn are_owners(&self, owners: &[Person]) -> bool {
        let names =
            |people: &'a [Person]| people.iter().map(|person| person.name.as_str()).collect::<BTreeSet<_>>();
        names(&self.packument.maintainers) == owners.iter().map(|owner| owner.name.as_str()).collect()
    }

    fn star(&self, caller: Option<&str>) -> Option<RequestedChange> {
        let caller = caller?;
        let starred = self.document.users.as_ref()?.get(caller) == Some(&Value::Bool(true));
        (starred != (self.packument.users.get(caller) == Some(&true)))
            .then_some(RequestedChange::Star(starred))
    }
}

/// Returns the only change of a document. Two changes could not be made atomically, nor could the first be undone.
fn only(mut changes: Vec<RequestedChange>) -> Result<Option<RequestedChange>, Error> {
    if changes.len() < 2 {
        return Ok(changes.pop());
    }
    let verbs: Vec<_> = changes.iter().map(RequestedChange::verb).collect();
    Err(Error::request(format!(
        "the document {}: send one change at a time; nothing was changed",
        verbs.join(" and ")
    )))
}
