use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::catalog::{Representation, RepresentationKey, nothing_allowed, require_selectable};
use crate::domain::packument::ForeignDocument;
use crate::domain::shorten::shorten;
use crate::domain::{PackageName, Version};
use crate::error::PackageError;
use crate::policy::{ExplainedVersion, PackagePolicy, VersionOrigin};
use crate::proxy::Proxy;
use crate::storage::BlobETag;
use crate::upstream::PackumentForm;

use super::NamedUpstream;
use super::document::CacheEntry;
use super::freshness::State;

/// How often a document is fetched again because it was deleted before it was read.
const ATTEMPTS: usize = 3;

/// The document of an upstream, with what concerns it.
struct FirstDocument<'a> {
    upstream: &'a NamedUpstream,
    form: PackumentForm,
    known: CacheEntry,
    json: Bytes,
    policy: PackagePolicy,
}

impl Proxy {
    /// Returns the packument from the first upstream that has it.
    pub(crate) async fn upstream_packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        for upstream in self.upstreams_of(name) {
            if let Some(found) = self.packument_of(upstream, name, form, base).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn packument_of(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        let policy = self.policy_of(upstream, name).await?;
        let (source, state) = self.upstream_state(upstream, name, policy.source_form(form)).await?;
        let State::Present(document) = state else { return Ok(None) };
        self.note_use(&document.mark);
        let key = RepresentationKey {
            upstream: Some(Arc::clone(&upstream.id)),
            name: name.clone(),
            form,
            base: Arc::clone(base),
            policy: policy.stamp(),
        };
        let read = async {
            let (known, document) = self.read_document(upstream, name, source).await?;
            let makes_abbreviated = form == PackumentForm::Abbreviated && !known.abbreviated;
            Ok((known.state(), (document, makes_abbreviated)))
        };
        let (name, base, id) = (name.clone(), Arc::clone(base), Arc::clone(&upstream.id));
        let decides = policy.clone();
        let make = move |state: &BlobETag, document: &[u8], makes_abbreviated: bool| {
            let document = ForeignDocument::parse(&name, document)?;
            require_published(&name, document.unpublished())?;
            let decisions = decides.decide_foreign(&id, &name, &document);
            let shown = decisions.as_ref().map(|decisions| document.shown_fields(decisions)).transpose()?;
            let document = match (&decisions, &shown) {
                (Some(decisions), Some(shown)) => document.hide(decisions, shown),
                _ => document,
            };
            let json =
                if makes_abbreviated { document.render_abbreviated(&base) } else { document.render(&base) };
            let representation = Representation::of(json?, state.as_str())?;
            Ok(Representation { has_versions: document.has_versions(), decisions, ..representation })
        };
        let representations = &self.parts.caches.representations;
        let state = document.known.state();
        representations.get_of_state(&key, (&document.path, &state), &policy, read, make).await.map(Some)
    }

    /// Returns the document of a present state, or a later one. Fetches a document again that was deleted in the
    /// meantime.
    pub(super) async fn read_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<(CacheEntry, Bytes), Error> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.upstream_document(upstream, name, form).await? {
                return Ok(found);
            }
            if let State::Missing { .. } = self.state_after_deletion(upstream, name, form).await? {
                return Err(Error::Package(PackageError::NotFound(name.clone())));
            }
        }
        Err(Error::Internal("a packument of an upstream is deleted each time it is stored".into()))
    }

    /// Returns the full document of the first upstream that has the package.
    async fn first_document<'a>(&'a self, name: &PackageName) -> Result<FirstDocument<'a>, Error> {
        for upstream in self.upstreams_of(name) {
            let (form, state) = self.upstream_state(upstream, name, PackumentForm::Full).await?;
            let State::Present(document) = state else { continue };
            self.note_use(&document.mark);
            let (known, json) = self.read_document(upstream, name, form).await?;
            let policy = self.policy_of(upstream, name).await?;
            return Ok(FirstDocument { upstream, form, known, json, policy });
        }
        Err(Error::Package(PackageError::NotFound(name.clone())))
    }

    /// Returns the full document of the first upstream that has the package, however old: the cached one, or else the upstream's.
    pub(crate) async fn kept_full_document(&self, name: &PackageName) -> Result<(Arc<str>, Bytes), Error> {
        for upstream in self.upstreams_of(name) {
            if self.stored_document(upstream, name, PackumentForm::Full).await?.is_some()
                && let Some((_, json)) = self.upstream_document(upstream, name, PackumentForm::Full).await?
            {
                return Ok((Arc::clone(&upstream.id), json));
            }
        }
        let FirstDocument { upstream, json, .. } = self.first_document(name).await?;
        Ok((Arc::clone(&upstream.id), json))
    }

    /// Returns the versions that cached documents list, without asking an upstream.
    pub(crate) async fn cached_versions(&self, name: &PackageName) -> Result<Vec<Version>, Error> {
        let mut versions = Vec::new();
        for upstream in self.upstreams_of(name) {
            for form in [PackumentForm::Full, PackumentForm::Abbreviated] {
                let Some((_, json)) = self.upstream_document(upstream, name, form).await? else { continue };
                let document = ForeignDocument::parse(name, &json)?;
                let listed = document.versions_with_times().into_iter();
                versions.extend(listed.filter_map(|(version, ..)| Version::parse(version).ok()));
            }
        }
        versions.sort_unstable();
        versions.dedup();
        Ok(versions)
    }

    /// Returns what `read` derives from the package's document, from the first upstream that has the package.
    pub(crate) async fn of_upstream_document<T>(
        &self,
        name: &PackageName,
        read: impl Fn(&ForeignDocument<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let FirstDocument { upstream, json, policy, .. } = self.first_document(name).await?;
        let document = published(name, &json)?;
        let Some(decisions) = policy.decide_foreign(&upstream.id, name, &document) else {
            return read(&document);
        };
        let shown = document.shown_fields(&decisions)?;
        read(&document.hide(&decisions, &shown))
    }

    /// Returns the manifest of the version that `selector` names, from the first upstream that has the package. A
    /// version that the cached document lacks may be new, so the upstream is asked once.
    pub(crate) async fn upstream_manifest(
        &self,
        name: &PackageName,
        selector: &str,
        base: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let FirstDocument { upstream, form, known, json, policy } = self.first_document(name).await?;
        let select = |json: &[u8]| select_manifest(&policy, upstream, name, json, (selector, base));
        if let Some(manifest) = select(&json)? {
            return Ok(Some(manifest));
        }
        if self.ask_for_what_is_missing(upstream, name, form, selector, &known).await?.is_none() {
            return Ok(None);
        }
        let (_, json) = self.read_document(upstream, name, form).await?;
        select(&json)
    }

    /// Says what policies decide about each version of a package, of the first upstream that has it.
    pub(crate) async fn explain_upstream_versions(
        &self,
        name: &PackageName,
    ) -> Result<Vec<ExplainedVersion>, Error> {
        let FirstDocument { upstream, json, policy, .. } = self.first_document(name).await?;
        Ok(policy.explain_foreign(&upstream.id, name, &published(name, &json)?))
    }

    /// Returns the policies that concern a package of an upstream.
    pub(super) async fn policy_of(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
    ) -> Result<PackagePolicy, Error> {
        self.parts.catalog.policies.of(name, VersionOrigin::Upstream(&upstream.id)).await
    }
}

/// Renders the manifest that a selector finds among the versions that policies allow. If it finds only others, the error says
/// why.
fn select_manifest(
    policy: &PackagePolicy,
    upstream: &NamedUpstream,
    name: &PackageName,
    json: &[u8],
    (selector, base): (&str, &str),
) -> Result<Option<Vec<u8>>, Error> {
    let document = published(name, json)?;
    let Some(decisions) = policy.decide_foreign(&upstream.id, name, &document) else {
        return Ok(document.render_manifest(selector, base)?);
    };
    let shown = document.shown_fields(&decisions)?;
    let document = document.hide(&decisions, &shown);
    if let Some(manifest) = document.render_manifest(selector, base)? {
        return Ok(Some(manifest));
    }
    require_selectable(name, selector, &decisions)?;
    match nothing_allowed(name, &decisions).filter(|_| !document.has_versions()) {
        Some(error) => Err(error),
        None => Ok(None),
    }
}

/// Parses the document of a package that has versions.
fn published<'json>(name: &PackageName, json: &'json [u8]) -> Result<ForeignDocument<'json>, Error> {
    let document = ForeignDocument::parse(name, json)?;
    require_published(name, document.unpublished())?;
    if document.has_versions() {
        Ok(document)
    } else {
        Err(Error::Package(PackageError::NotFound(name.clone())))
    }
}

pub(super) fn require_published(name: &PackageName, unpublished: Option<String>) -> Result<(), Error> {
    match unpublished {
        None => Ok(()),
        Some(time) => Err(Error::Package(PackageError::Unpublished {
            name: name.clone(),
            time: shorten(&time).into_owned(),
        })),
    }
}
