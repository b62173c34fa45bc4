use std::sync::Arc;

use futures::future::try_join;

use crate::Error;
use crate::domain::PackageName;
use crate::proxy::Proxy;
use crate::storage::{BlobDecision, Key};
use crate::upstream::PackumentForm;

use super::NamedUpstream;
use super::document;
use super::freshness::{DocumentKey, State};

/// Both forms, with the one that installs request first.
pub(super) const FORMS: [PackumentForm; 2] = [PackumentForm::Abbreviated, PackumentForm::Full];

impl Proxy {
    /// Returns the form to request where `form` is wanted. The abbreviated form can be rendered from the full one,
    /// which adds `time` and names the same tarballs. If the full one is cached, only that is requested, so that the
    /// two cannot diverge.
    pub(super) async fn source_form(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<PackumentForm, Error> {
        if form == PackumentForm::Full || upstream.options.full_documents {
            return Ok(PackumentForm::Full);
        }
        let [abbreviated, full] = FORMS.map(|form| (Arc::clone(&upstream.id), name.clone(), form));
        let states = &self.parts.upstream.documents.states;
        match states.get(&full) {
            Some(State::Present(document)) if !document.known.is_superseded() => return Ok(full.2),
            Some(missing @ State::Missing { .. }) if self.is_fresh(&missing) => return Ok(form),
            _ => {}
        }
        // Another process may have cached the full form before the abbreviated one is revalidated.
        if states.get(&abbreviated).is_some_and(|state| self.is_fresh(&state)) {
            return Ok(form);
        }
        // Both concurrently, so that the extra lookup adds no latency to the read.
        let known = try_join(self.known_state(&full), self.known_state(&abbreviated)).await?;
        Ok(match known {
            // The abbreviated form has changed since.
            (Some(State::Present(document)), Some(State::Present(_))) if document.known.is_superseded() => {
                form
            }
            (Some(State::Present(_)), _) => PackumentForm::Full,
            _ => form,
        })
    }

    /// Marks the other form for revalidation after one form changed: its readers would otherwise see outdated tarballs.
    pub(super) async fn supersede_other_form(&self, (id, name, form): &DocumentKey) -> Result<(), Error> {
        let other = other_form(*form);
        self.parts.upstream.documents.states.invalidate(&(Arc::clone(id), name.clone(), other));
        let path = Key::UpstreamPackument(id, name, other).path()?;
        // Where only one form is cached, the other is not read.
        match document::read_known(&**self.parts.store.blobs(), &path).await? {
            Some(known) if !known.is_superseded() => {}
            _ => return Ok(()),
        }
        let mut seen = None;
        // A missing document cannot be served, so its absence needs no proof.
        let superseded = self.parts.store.update_cached_with(&path, |stored| {
            let Some(blob) = stored else { return Ok(BlobDecision::Keep(())) };
            // If another process changed it in the meantime, it is current.
            let is_new = *seen.get_or_insert_with(|| blob.etag.clone()) != blob.etag;
            match document::read(&blob.bytes) {
                Some((known, document)) if !is_new && !known.is_superseded() => {
                    let superseded = document::write(&known.superseded(), &document);
                    Ok::<_, Error>(BlobDecision::Write(superseded.map_err(Error::internal)?, ()))
                }
                _ => Ok(BlobDecision::Keep(())),
            }
        });
        superseded.await
    }
}

pub(super) fn other_form(form: PackumentForm) -> PackumentForm {
    match form {
        PackumentForm::Full => PackumentForm::Abbreviated,
        PackumentForm::Abbreviated => PackumentForm::Full,
    }
}
