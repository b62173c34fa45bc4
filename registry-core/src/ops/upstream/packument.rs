use std::sync::Arc;

use bytes::Bytes;
use moka::future::Cache;

use crate::domain::PackageName;
use crate::domain::packument::render_foreign;
use crate::ops::Representation;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

use super::NamedUpstream;
use super::document::Known;
use super::freshness::State;

/// Upstream packuments as clients get them, by upstream, package, form, base URL and content.
#[derive(Debug)]
pub(crate) struct UpstreamRepresentations(Cache<RepresentationKey, Arc<Representation>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RepresentationKey {
    upstream: Arc<str>,
    name: PackageName,
    form: PackumentForm,
    base: Arc<str>,
    content: Arc<str>,
}

impl UpstreamRepresentations {
    pub(super) fn new(bytes: u64) -> Self {
        /// What the cache itself takes for an entry.
        const OVERHEAD: usize = 512;
        let weigh = |_: &RepresentationKey, representation: &Arc<Representation>| {
            u32::try_from(representation.weight() + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }
}

impl Registry {
    /// The packument from the first upstream that has it.
    pub(in crate::ops) async fn upstream_packument(
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
        let State::Present(known) = self.upstream_state(upstream, name, form).await? else { return Ok(None) };
        let key = RepresentationKey {
            upstream: Arc::clone(&upstream.id),
            name: name.clone(),
            form,
            base: Arc::clone(base),
            content: Arc::clone(&known.content),
        };
        if let Some(representation) = self.parts.upstream.representations.0.get(&key).await {
            return Ok(Some(representation));
        }
        let render = async {
            let (read, document) = self.read_document(upstream, name, form).await?;
            let (name, base) = (name.clone(), Arc::clone(base));
            crate::ops::compute(document.len(), move || {
                Representation::of(render_foreign(&name, &document, &base)?, &read.content)
            })
            .await?
            .map(Arc::new)
        };
        let representations = &self.parts.upstream.representations.0;
        let representation =
            representations.try_get_with_by_ref(&key, render).await.map_err(Error::Shared)?;
        if !self.is_current(upstream, name, form, &known.content) {
            // It may be of a later document, and must not come back when that is taken back.
            representations.invalidate(&key).await;
        }
        Ok(Some(representation))
    }

    /// The document that a present state spoke of, or a later one. What was evicted meanwhile is asked for again.
    pub(super) async fn read_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<(Arc<Known>, Bytes), Error> {
        if let Some(found) = self.upstream_document(upstream, name, form).await? {
            return Ok(found);
        }
        self.upstream_state(upstream, name, form).await?;
        let found = self.upstream_document(upstream, name, form).await?;
        found.ok_or_else(|| Error::PackageNotFound(name.clone()))
    }

    /// The document of a package, as its upstream sent it, from the first that has it.
    pub(in crate::ops) async fn any_upstream_document(
        &self,
        name: &PackageName,
    ) -> Result<Option<Bytes>, Error> {
        for upstream in self.upstreams_of(name) {
            let form = PackumentForm::Full;
            if let State::Present(_) = self.upstream_state(upstream, name, form).await? {
                return self.read_document(upstream, name, form).await.map(|(_, document)| Some(document));
            }
        }
        Ok(None)
    }
}
