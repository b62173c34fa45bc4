use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::KeyedMutex;
use crate::domain::packument::version_names;
use crate::domain::{PackageName, Version};
use crate::events::EventKind;
use crate::proxy::Proxy;
use crate::storage::{BlobPath, Key, When};
use crate::upstream::{PackumentForm, UpstreamPackument, Validators};

use super::NamedUpstream;
use super::budget::LastUsed;
use super::document::{self, CacheEntry};
use super::inflight::{InflightFetches, Wanted};
use super::missing::Misses;
use super::variants::{FORMS, other_form};

/// The most documents whose state is in memory.
const ENTRIES: u64 = 50_000;

pub(super) type DocumentKey = (Arc<str>, PackageName, PackumentForm);

/// The states of upstream packuments: the content's digest and age. The content itself is in the store.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(super) states: moka::sync::Cache<DocumentKey, State>,
    pub(super) inflight: InflightFetches,
    pub(super) misses: Misses,
    /// Serializes requests for the two forms of a packument, so that the newer one is known.
    locks: KeyedMutex<PackageName>,
}

/// The last answer of an upstream.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The package exists, and this is its document.
    Present(Arc<Document>),
    /// The package does not exist.
    Missing {
        /// When the upstream said so.
        checked: DateTime<Utc>,
    },
}

impl State {
    fn content(&self) -> Option<&Arc<str>> {
        match self {
            Self::Present(document) => Some(&document.known.content),
            Self::Missing { .. } => None,
        }
    }
}

/// A document that is in the store, or was a moment ago.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) known: CacheEntry,
    pub(super) path: BlobPath,
    pub(super) mark: LastUsed,
}

impl Document {
    fn state(known: CacheEntry, path: BlobPath) -> State {
        State::Present(Arc::new(Self { known, mark: LastUsed::of(&path), path }))
    }

    /// The same document with other metadata.
    fn with(&self, known: CacheEntry) -> State {
        Self::state(known, self.path.clone())
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
            inflight: InflightFetches::default(),
            misses: Misses::default(),
            locks: KeyedMutex::default(),
        }
    }
}

impl Proxy {
    /// Returns the upstream's state of a package, as fresh as configured, and the form of its packument, from which
    /// `form` can be rendered. Asks the upstream if nothing is cached, and returns its failure; otherwise the cached
    /// state outlasts its failures.
    pub(super) async fn upstream_state(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<(PackumentForm, State), Error> {
        let source = self.source_form(upstream, name, form).await?;
        let key = (Arc::clone(&upstream.id), name.clone(), source);
        let known = match self.parts.upstream.documents.states.get(&key) {
            // The other form was looked up in the store together with this one.
            None if source == PackumentForm::Full => self.stored_state(&key).await?,
            known => known,
        };
        Ok((source, self.as_fresh_as_configured(upstream, key, known).await?))
    }

    /// Returns the state of a packument in exactly this form that was deleted from the store.
    pub(super) async fn state_after_deletion(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<State, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let known = self.parts.upstream.documents.states.get(&key);
        self.as_fresh_as_configured(upstream, key, known).await
    }

    async fn as_fresh_as_configured(
        &self,
        upstream: &NamedUpstream,
        key: DocumentKey,
        known: Option<State>,
    ) -> Result<State, Error> {
        let meter = &self.parts.upstream.meters.packuments;
        let Some(state) = known else {
            meter.miss();
            return self.ask(upstream, key).answer().await;
        };
        let age = self.age(&state);
        if let Age::Expired = age {
            meter.miss();
        } else {
            meter.hit();
        }
        match (age, &state) {
            (Age::Fresh, _) => Ok(state),
            (Age::Stale, _) => {
                self.ask(upstream, key);
                Ok(state)
            }
            (Age::Expired, State::Present(_)) => {
                let patience = self.parts.upstream.freshness.patience;
                let answer = self.ask(upstream, key).answer_within(patience).await;
                answer.unwrap_or(Ok(state))
            }
            (Age::Expired, State::Missing { .. }) => self.ask(upstream, key).answer().await,
        }
    }

    fn age(&self, state: &State) -> Age {
        let freshness = &self.parts.upstream.freshness;
        let (checked, fresh_for, stale_for) = match state {
            State::Present(document) => {
                let checked = document.known.believed_since.unwrap_or(document.known.checked);
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

    pub(super) fn is_fresh(&self, state: &State) -> bool {
        matches!(self.age(state), Age::Fresh)
    }

    /// Returns the cached state without asking the upstream.
    pub(super) async fn known_state(&self, key: &DocumentKey) -> Result<Option<State>, Error> {
        match self.parts.upstream.documents.states.get(key) {
            None => self.stored_state(key).await,
            known => Ok(known),
        }
    }

    async fn stored_state(&self, key: &DocumentKey) -> Result<Option<State>, Error> {
        let (id, name, form) = key;
        let path = Key::UpstreamPackument(id, name, *form).path()?;
        let Some(known) = document::read_known(&**self.parts.store.blobs(), &path).await? else {
            return Ok(None);
        };
        let state = Document::state(known, path);
        self.parts.upstream.documents.states.insert(key.clone(), state.clone());
        Ok(Some(state))
    }

    /// Returns the document as stored now, which another process may have written.
    pub(super) async fn stored_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<Option<Document>, Error> {
        let path = Key::UpstreamPackument(&upstream.id, name, form).path()?;
        let known = document::read_known(&**self.parts.store.blobs(), &path).await?;
        Ok(known.map(|known| Document { known, mark: LastUsed::of(&path), path }))
    }

    /// Whether the cached state says that the upstream has the package.
    pub(super) async fn is_known_present(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
    ) -> Result<bool, Error> {
        for form in FORMS {
            let key = (Arc::clone(&upstream.id), name.clone(), form);
            if matches!(self.known_state(&key).await?, Some(State::Present(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the upstream unless the cached state is fresh, and caches the answer.
    pub(super) async fn ask_alone(
        &self,
        upstream: &NamedUpstream,
        key: &DocumentKey,
        wanted: Wanted,
        asked_at: DateTime<Utc>,
    ) -> Result<State, Error> {
        let documents = &self.parts.upstream.documents;
        let _turn = documents.locks.lock(&key.1).await;
        // Another task may have asked since.
        let known = self.known_state(key).await?;
        let is_as_wanted = |state: &State| match (wanted, state) {
            (Wanted::Fresh, state) => self.is_fresh(state),
            (Wanted::Newer, State::Present(document)) => document.known.checked > asked_at,
            (Wanted::Newer, State::Missing { checked }) => *checked > asked_at,
        };
        if let Some(state) = known.as_ref().filter(|state| is_as_wanted(state)) {
            return Ok(state.clone());
        }
        let (_, name, form) = key;
        let is_checked = self.parts.catalog.name_check.is_some();
        if is_checked && known.is_none() && !self.is_known_present(upstream, name).await? {
            let now = self.parts.clock.now();
            self.catalog().check_new_name(&Caller::anonymous(), name, now).await?;
        }
        let present = match &known {
            Some(State::Present(document)) => Some(Arc::clone(document)),
            _ => None,
        };
        let validators =
            present.as_ref().map_or_else(Validators::default, |document| document.known.validators());
        self.require_not_hosted(name).await?;
        let state = match (upstream.upstream.packument(name, *form, &validators).await, present) {
            (Ok(UpstreamPackument::Found { bytes, form, validators }), before) => {
                self.keep(key, bytes, form, validators, before.is_some()).await?
            }
            (Ok(UpstreamPackument::Unchanged), Some(document)) => {
                document.with(document.known.checked_again(self.parts.clock.now()))
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
            // The absence is unknown in this case.
            (Err(error), Some(_)) if wanted == Wanted::Newer => return Err(error.into()),
            (Err(error), Some(document)) => {
                tracing::warn!(package = %name, error = &error as &dyn std::error::Error, "serving a cached packument after a failed revalidation");
                let freshness = &self.parts.upstream.freshness;
                let again = freshness.packument.saturating_sub(freshness.after_failure);
                document.with(document.known.believed_since(self.parts.clock.now() - again))
            }
            (Err(error), None) => return Err(error.into()),
        };
        if known.as_ref().and_then(State::content) != state.content() {
            self.supersede_other_form(key).await?;
        }
        documents.states.insert(key.clone(), state.clone());
        Ok(state)
    }

    async fn keep(
        &self,
        key: &DocumentKey,
        document: Bytes,
        form: PackumentForm,
        validators: Validators,
        was_known: bool,
    ) -> Result<State, Error> {
        let (id, name, asked_form) = key;
        let path = Key::UpstreamPackument(id, name, *asked_form).path()?;
        let gone = if was_known {
            self.report_withdrawals(&path, name, &document).await?
        } else {
            // It replaces the other form, which may not be requested again.
            let other = Key::UpstreamPackument(id, name, other_form(*asked_form)).path()?;
            let known = document::read_known(&**self.parts.store.blobs(), &other).await?;
            if known.is_some_and(|known| !known.is_superseded()) {
                self.report_withdrawals(&other, name, &document).await?
            } else {
                Vec::new()
            }
        };
        self.blocking().recall_withdrawn(id, name, &gone).await;
        let known = CacheEntry::of(&document, form, validators, self.parts.clock.now());
        let blob = document::write(&known, &document).map_err(Error::internal)?;
        let bytes = blob.len() as u64;
        let _ = self.parts.store.put(&path, blob, When::Always).await?;
        self.note_fill(&path, bytes);
        Ok(Document::state(known, path))
    }

    /// Emits an event for versions that were withdrawn, and returns them. Their tarballs are no longer served.
    async fn report_withdrawals(
        &self,
        path: &BlobPath,
        name: &PackageName,
        document: &[u8],
    ) -> Result<Vec<Version>, Error> {
        let Some(before) = self.parts.store.get(path).await? else { return Ok(Vec::new()) };
        let Some((_, before)) = document::read(&before.bytes) else { return Ok(Vec::new()) };
        let now: HashSet<_> = version_names(document).into_iter().collect();
        let gone: Vec<_> =
            version_names(&before).into_iter().filter(|version| !now.contains(version)).collect();
        if !gone.is_empty() {
            self.authorization.emit(
                &Caller::anonymous(),
                Some(name),
                EventKind::WithdrawnUpstream { versions: gone.clone() },
            );
        }
        Ok(gone)
    }

    async fn forget(&self, (id, name, form): &DocumentKey) -> Result<(), Error> {
        let path = Key::UpstreamPackument(id, name, *form).path()?;
        // A whole package that is missing may be a mistake of the upstream's, so nothing is recalled.
        let _ = self.report_withdrawals(&path, name, b"{}").await?;
        Ok(self.parts.store.delete(&path).await?)
    }

    /// Returns the document of a state that was present a moment ago, or a later one: if another process changed it,
    /// its state is cached here too.
    pub(super) async fn upstream_document(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
    ) -> Result<Option<(CacheEntry, Bytes)>, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let states = &self.parts.upstream.documents.states;
        let path = Key::UpstreamPackument(&upstream.id, name, form).path()?;
        let blob = self.parts.store.get(&path).await?;
        let Some((known, document)) = blob.and_then(|blob| document::read(&blob.bytes)) else {
            // Deleted: fetch it again.
            states.invalidate(&key);
            return Ok(None);
        };
        if states.get(&key).is_none_or(|state| state.content() != Some(&known.content)) {
            states.insert(key, Document::state(known.clone(), path));
        }
        Ok(Some((known, document)))
    }
}
