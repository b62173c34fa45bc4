use std::sync::Arc;

use futures::future::try_join;

use crate::Error;
use crate::domain::PackageName;
use crate::proxy::Proxy;
use crate::storage::{Decision, Key, update_with};
use crate::upstream::PackumentForm;

use super::NamedUpstream;
use super::document;
use super::freshness::{DocumentKey, State};

/// The forms, the one that installs ask for first.
pub(super) const FORMS: [PackumentForm; 2] = [PackumentForm::Abbreviated, PackumentForm::Full];

impl Proxy {
    /// The form to ask for where `form` is wanted. The abbreviated one can be made of the full one, has `time` then,
    /// and names the same tarballs. So where the full one is known, it is the only one that is asked for, and nothing
    /// can be out of step with it.
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
        // Before the abbreviated one is asked for again, another process may have kept the full one.
        if states.get(&abbreviated).is_some_and(|state| self.is_fresh(&state)) {
            return Ok(form);
        }
        // Both at once, so that looking for the one costs no time where the other is read anyway.
        let known = try_join(self.known_state(&full), self.known_state(&abbreviated)).await?;
        Ok(match known {
            // The abbreviated one has changed since.
            (Some(State::Present(document)), Some(State::Present(_))) if document.known.is_superseded() => {
                form
            }
            (Some(State::Present(_)), _) => PackumentForm::Full,
            _ => form,
        })
    }

    /// After one form changed, the other is asked for before it is served again: a reader of it would be told of
    /// other tarballs than there are now.
    pub(super) async fn supersede_other_form(&self, (id, name, form): &DocumentKey) -> Result<(), Error> {
        let other = other_form(*form);
        self.parts.upstream.documents.states.invalidate(&(Arc::clone(id), name.clone(), other));
        let path = Key::UpstreamPackument(id, name, other).path()?;
        // Where there is only one form, it is not even read.
        match document::read_known(&**self.parts.store.blobs(), &path).await? {
            Some(known) if !known.is_superseded() => {}
            _ => return Ok(()),
        }
        let mut seen = None;
        // A missing document cannot be served, so nothing has to prove that it is missing.
        let store = &**self.parts.store.blobs();
        let superseded = update_with(store, &*self.parts.randomness, &path, |stored| {
            let Some(blob) = stored else { return Ok(Decision::Keep(())) };
            // Where another process changed it meanwhile, it is new.
            let is_new = *seen.get_or_insert_with(|| blob.etag.clone()) != blob.etag;
            match document::read(&blob.bytes) {
                Some((known, document)) if !is_new && !known.is_superseded() => {
                    let superseded = document::write(&known.superseded(), &document);
                    Ok::<_, Error>(Decision::Write(superseded.map_err(Error::internal)?, ()))
                }
                _ => Ok(Decision::Keep(())),
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
