use std::sync::Arc;

use bytes::Bytes;

use crate::blob::BlobETag;
use crate::domain::PackageName;
use crate::domain::packument::{render_foreign, render_foreign_abbreviated};
use crate::ops::Representation;
use crate::ops::packument::RepresentationKey;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

use super::NamedUpstream;
use super::document::Known;
use super::freshness::State;

/// How often a document is asked for that is deleted before it is read.
const ATTEMPTS: usize = 3;

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
        let (source, state) = self.upstream_state(upstream, name, form).await?;
        let State::Present(document) = state else { return Ok(None) };
        self.note_use(&document.mark);
        let key = RepresentationKey {
            upstream: Some(Arc::clone(&upstream.id)),
            name: name.clone(),
            form,
            base: Arc::clone(base),
        };
        let read = async {
            let (known, document) = self.read_document(upstream, name, source).await?;
            let makes_abbreviated = form == PackumentForm::Abbreviated && !known.abbreviated;
            Ok((known.state(), (document, makes_abbreviated)))
        };
        let (name, base) = (name.clone(), Arc::clone(base));
        let make = move |state: &BlobETag, document: &[u8], makes_abbreviated: bool| {
            let render = if makes_abbreviated { render_foreign_abbreviated } else { render_foreign };
            Representation::of(render(&name, document, &base)?, state.as_str())
        };
        let representations = &self.parts.caches.representations;
        let state = document.known.state();
        representations.get_of_state(&key, &document.path, &state, read, make).await.map(Some)
    }

    /// The document that a present state spoke of, or a later one. What was deleted meanwhile is asked for again.
    pub(super) async fn read_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<(Known, Bytes), Error> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.upstream_document(upstream, name, form).await? {
                return Ok(found);
            }
            if let State::Missing { .. } = self.state_after_deletion(upstream, name, form).await? {
                return Err(Error::PackageNotFound(name.clone()));
            }
        }
        Err(Error::Internal(
            "a packument of an upstream is deleted whenever it was put into the store".into(),
        ))
    }

    /// The document of a package, as its upstream sent it, from the first that has it.
    pub(in crate::ops) async fn any_upstream_document(
        &self,
        name: &PackageName,
    ) -> Result<Option<Bytes>, Error> {
        for upstream in self.upstreams_of(name) {
            let (form, state) = self.upstream_state(upstream, name, PackumentForm::Full).await?;
            if let State::Present(document) = state {
                self.note_use(&document.mark);
                return self.read_document(upstream, name, form).await.map(|(_, document)| Some(document));
            }
        }
        Ok(None)
    }
}
