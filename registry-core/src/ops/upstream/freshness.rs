use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::future::Cache;

use crate::auth::Caller;
use crate::blob::{Key, When};
use crate::domain::PackageName;
use crate::domain::packument::version_names;
use crate::events::EventKind;
use crate::ops::Gates;
use crate::upstream::{PackumentForm, UpstreamPackument, Validators};
use crate::{Error, Registry};

use super::NamedUpstream;
use super::document::{self, Known};

/// How many documents are known of at once.
const ENTRIES: u64 = 50_000;

/// The forms, the one that installs ask for first.
pub(super) const FORMS: [PackumentForm; 2] = [PackumentForm::Abbreviated, PackumentForm::Full];

type DocumentKey = (Arc<str>, PackageName, PackumentForm);

/// What is known of upstream packuments: which content, and since when. The content itself is in the store.
#[derive(Debug)]
pub(crate) struct Documents {
    states: moka::sync::Cache<DocumentKey, State>,
    /// One request upstream for any number who wait for it; errors are shared, and nothing is kept.
    flights: Cache<DocumentKey, State>,
    revalidating: Mutex<HashSet<DocumentKey>>,
    /// The two forms of a packument are asked for one after the other, so that it is known which is the newer one.
    turns: Gates,
}

/// What an upstream last said.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It has the package, and this is its document.
    Present(Arc<Known>),
    /// It has no such package.
    Missing {
        /// When it said so.
        checked: DateTime<Utc>,
    },
}

impl State {
    /// When the upstream said so.
    fn checked(&self) -> DateTime<Utc> {
        match self {
            Self::Present(known) => known.checked,
            Self::Missing { checked } => *checked,
        }
    }

    fn content(&self) -> Option<&Arc<str>> {
        match self {
            Self::Present(known) => Some(&known.content),
            Self::Missing { .. } => None,
        }
    }
}

/// What to do about a state of a certain age.
enum Age {
    Fresh,
    Stale,
    Expired,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            states: moka::sync::Cache::new(ENTRIES),
            flights: Cache::new(ENTRIES),
            revalidating: Mutex::default(),
            turns: Gates::default(),
        }
    }
}

impl Registry {
    /// What the upstream says of a package, as fresh as configured. Asks it if nothing is known, in which case a
    /// failure of the upstream is the answer; otherwise what is known outlasts its failures.
    pub(super) async fn upstream_state(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<State, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let documents = &self.parts.upstream.documents;
        let known = match documents.states.get(&key) {
            Some(state) => Some(state),
            None => self.stored_state(&key).await?,
        };
        if let Some(state) = known {
            match self.age(&state) {
                Age::Fresh => return Ok(state),
                Age::Stale => {
                    self.revalidate_behind(upstream, key);
                    return Ok(state);
                }
                Age::Expired => {}
            }
        }
        self.ask(upstream, key).await
    }

    fn age(&self, state: &State) -> Age {
        let freshness = &self.parts.upstream.freshness;
        let (checked, fresh_for, stale_for) = match state {
            State::Present(known) => {
                let checked = known.believed_since.unwrap_or(known.checked);
                (checked, freshness.packument, freshness.while_revalidating)
            }
            State::Missing { checked } => (*checked, freshness.missing, Duration::ZERO),
        };
        let age = (self.parts.clock.now() - checked).to_std().unwrap_or_default();
        if age < fresh_for {
            Age::Fresh
        } else if age < fresh_for + stale_for {
            Age::Stale
        } else {
            Age::Expired
        }
    }

    async fn stored_state(&self, (id, name, form): &DocumentKey) -> Result<Option<State>, Error> {
        let path = Key::UpstreamPackument(id, name, *form).path()?;
        let Some(blob) = self.parts.store.get(&path).await? else { return Ok(None) };
        let Some((known, _)) = document::read(&blob.bytes) else { return Ok(None) };
        let state = State::Present(Arc::new(known));
        self.parts.upstream.documents.states.insert((Arc::clone(id), name.clone(), *form), state.clone());
        Ok(Some(state))
    }

    /// Whether it is known, without asking the upstream, that it has the package.
    pub(super) async fn is_known_present(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
    ) -> Result<bool, Error> {
        for form in [PackumentForm::Abbreviated, PackumentForm::Full] {
            let key = (Arc::clone(&upstream.id), name.clone(), form);
            let state = match self.parts.upstream.documents.states.get(&key) {
                Some(state) => Some(state),
                None => self.stored_state(&key).await?,
            };
            if matches!(state, Some(State::Present(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The form to look a tarball up in: the one that the upstream spoke of last, which is the one whose readers ask
    /// for tarballs. Where nothing is known, the one that costs less to ask for.
    pub(super) async fn last_known_form(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
    ) -> Result<PackumentForm, Error> {
        let keys = FORMS.map(|form| (Arc::clone(&upstream.id), name.clone(), form));
        let in_memory = |key| self.parts.upstream.documents.states.get(key);
        let mut states = [in_memory(&keys[0]), in_memory(&keys[1])];
        if let [None, None] = states {
            states = [self.stored_state(&keys[0]).await?, self.stored_state(&keys[1]).await?];
        }
        let [abbreviated, full] = states.map(|state| state.map(|state| state.checked()));
        Ok(if full > abbreviated { PackumentForm::Full } else { PackumentForm::Abbreviated })
    }

    /// Asks the upstream while the caller is answered from what is known; one question at a time.
    fn revalidate_behind(&self, upstream: &NamedUpstream, key: DocumentKey) {
        let begun = {
            let documents = &self.parts.upstream.documents;
            documents.revalidating.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone())
        };
        if begun {
            let (registry, upstream) = (self.clone(), upstream.clone());
            tokio::spawn(async move {
                // What is known goes on being served; the failure is in the log.
                let _ = registry.ask(&upstream, key.clone()).await;
                let documents = &registry.parts.upstream.documents;
                documents.revalidating.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            });
        }
    }

    async fn ask(&self, upstream: &NamedUpstream, key: DocumentKey) -> Result<State, Error> {
        let flights = &self.parts.upstream.documents.flights;
        let (registry, asked, of) = (self.clone(), upstream.clone(), key.clone());
        // Detached, so that a client who goes away takes nobody's answer along.
        let flight = async move {
            let work = async move { registry.ask_alone(&asked, &of).await };
            tokio::spawn(work).await.map_err(|broken| Error::Internal(Box::new(broken)))?
        };
        let state = flights.try_get_with(key.clone(), flight).await.map_err(Error::Shared)?;
        flights.invalidate(&key).await;
        Ok(state)
    }

    async fn ask_alone(&self, upstream: &NamedUpstream, key: &DocumentKey) -> Result<State, Error> {
        let documents = &self.parts.upstream.documents;
        let _turn = documents.turns.pass(&key.1).await;
        let known = match documents.states.get(key) {
            Some(state) => Some(state),
            None => self.stored_state(key).await?,
        };
        if let Some(state) = &known
            && matches!(self.age(state), Age::Fresh)
        {
            return Ok(state.clone());
        }
        let (_, name, form) = key;
        let present = match &known {
            Some(State::Present(known)) => Some(Arc::clone(known)),
            _ => None,
        };
        let validators = present.as_ref().map_or_else(Validators::default, |known| known.validators());
        let state = match (upstream.upstream.packument(name, *form, &validators).await, present) {
            (Ok(UpstreamPackument::Found { bytes, form, validators }), before) => {
                self.keep(key, bytes, form, validators, before.is_some()).await?
            }
            (Ok(UpstreamPackument::Unchanged), Some(known)) => {
                State::Present(Arc::new(known.checked_again(self.parts.clock.now())))
            }
            (Ok(UpstreamPackument::Unchanged), None) => {
                return Err(Error::Internal("an upstream called unchanged what was never asked for".into()));
            }
            (Ok(UpstreamPackument::Missing), before) => {
                if before.is_some() {
                    self.forget(key).await?;
                }
                State::Missing { checked: self.parts.clock.now() }
            }
            (Err(error), Some(known)) => {
                tracing::warn!(package = %name, error = &error as &dyn std::error::Error, "serving a packument that could not be revalidated");
                let freshness = &self.parts.upstream.freshness;
                let again = freshness.packument.saturating_sub(freshness.after_failure);
                State::Present(Arc::new(known.believed_since(self.parts.clock.now() - again)))
            }
            (Err(error), None) => return Err(error.into()),
        };
        if known.as_ref().and_then(State::content) != state.content() {
            self.supersede_other_form(key).await?;
        }
        documents.states.insert(key.clone(), state.clone());
        Ok(state)
    }

    /// After one form changed, the other is asked for before it is served again: a reader of it would be told of
    /// other tarballs than there are now.
    async fn supersede_other_form(&self, (id, name, form): &DocumentKey) -> Result<(), Error> {
        let other = match form {
            PackumentForm::Full => PackumentForm::Abbreviated,
            PackumentForm::Abbreviated => PackumentForm::Full,
        };
        self.parts.upstream.documents.states.invalidate(&(Arc::clone(id), name.clone(), other));
        let path = Key::UpstreamPackument(id, name, other).path()?;
        let Some(blob) = self.parts.store.get(&path).await? else { return Ok(()) };
        let Some((known, document)) = document::read(&blob.bytes) else { return Ok(()) };
        let superseded =
            document::write(&known.superseded(), &document).map_err(crate::ops::publish::internal)?;
        // Where another process changed it meanwhile, it is new.
        let _ = self.parts.store.put(&path, superseded, When::Matches(blob.etag)).await?;
        Ok(())
    }

    async fn keep(
        &self,
        key: &DocumentKey,
        document: Bytes,
        form: PackumentForm,
        validators: Validators,
        is_new_content: bool,
    ) -> Result<State, Error> {
        let (id, name, asked_form) = key;
        let path = Key::UpstreamPackument(id, name, *asked_form).path()?;
        if is_new_content {
            self.report_withdrawals(&path, name, &document).await?;
        }
        let known = Known::of(&document, form, validators, self.parts.clock.now());
        let blob = document::write(&known, &document).map_err(crate::ops::publish::internal)?;
        let _ = self.parts.store.put(&path, blob, When::Always).await?;
        Ok(State::Present(Arc::new(known)))
    }

    /// Tells of versions that were there and are no longer. Their tarballs are not served any more.
    async fn report_withdrawals(
        &self,
        path: &crate::blob::BlobPath,
        name: &PackageName,
        document: &[u8],
    ) -> Result<(), Error> {
        let Some(before) = self.parts.store.get(path).await? else { return Ok(()) };
        let Some((_, before)) = document::read(&before.bytes) else { return Ok(()) };
        let now: HashSet<_> = version_names(document).into_iter().collect();
        let gone: Vec<_> =
            version_names(&before).into_iter().filter(|version| !now.contains(version)).collect();
        if !gone.is_empty() {
            self.emit(&Caller::anonymous(), Some(name), EventKind::WithdrawnUpstream { versions: gone });
        }
        Ok(())
    }

    async fn forget(&self, (id, name, form): &DocumentKey) -> Result<(), Error> {
        let path = Key::UpstreamPackument(id, name, *form).path()?;
        self.report_withdrawals(&path, name, b"{}").await?;
        Ok(self.parts.store.delete(&path).await?)
    }

    /// The document of a state that was present a moment ago, or of a later one: another process may have changed it,
    /// which is then known here too.
    pub(super) async fn upstream_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<Option<(Arc<Known>, Bytes)>, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let states = &self.parts.upstream.documents.states;
        let path = Key::UpstreamPackument(&upstream.id, name, form).path()?;
        let blob = self.parts.store.get(&path).await?;
        let Some((known, document)) = blob.and_then(|blob| document::read(&blob.bytes)) else {
            // Evicted: to be asked for again.
            states.invalidate(&key);
            return Ok(None);
        };
        let known = Arc::new(known);
        if states.get(&key).is_none_or(|state| state.content() != Some(&known.content)) {
            states.insert(key, State::Present(Arc::clone(&known)));
        }
        Ok(Some((known, document)))
    }

    /// Whether this is still the content of the document, as far as is known here.
    pub(super) fn is_current(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
        content: &Arc<str>,
    ) -> bool {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let state = self.parts.upstream.documents.states.get(&key);
        state.is_some_and(|state| state.content() == Some(content))
    }
}
