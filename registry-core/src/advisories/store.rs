use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use crate::Error;
use crate::clock::Clock;
use crate::concurrency::{SingleFlight, compute_elsewhere};
use crate::error::PolicyError;
use crate::storage::{Blob, BlobETag, Fetched, Key, Storage};

use super::advisory::Advisory;
use super::dump::{Dump, LARGEST};
use super::index::AdvisoryIndex;
use super::keys::AdvisoryKeys;
use super::record::{AdvisoryRecord, DumpRecord};
use super::settings::{AdvisorySettings, UnavailableAdvisories};
use super::view::{AdvisoryNeed, AdvisoryView, ViewSettings};

/// Reads the advisories of the store, as the list of blocked versions is read: again after a few seconds, and once for all
/// callers that wait.
#[derive(Debug)]
pub(crate) struct AdvisoryStore {
    settings: AdvisorySettings,
    view: Arc<ViewSettings>,
    pub(super) store: Arc<Storage>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: AdvisoryKeys,
    known: RwLock<Option<KnownState>>,
    flights: SingleFlight<(), KnownState>,
    /// When they could not be read, where the settings let versions pass.
    failed: RwLock<Option<DateTime<Utc>>>,
}

/// The advisories as they were read last.
#[derive(Debug, Clone)]
struct KnownState {
    /// `None` where there is no record.
    etag: Option<BlobETag>,
    checked: DateTime<Utc>,
    index: Option<Arc<AdvisoryIndex>>,
}

impl AdvisoryStore {
    pub(crate) fn new(
        settings: AdvisorySettings,
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        keys: AdvisoryKeys,
    ) -> Self {
        let view = ViewSettings { exempt_fixes: settings.exempt_fixes, ignored: settings.ignored.clone() };
        Self {
            settings,
            view: Arc::new(view),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            keys,
            known: RwLock::default(),
            flights: SingleFlight::default(),
            failed: RwLock::default(),
        }
    }

    /// Returns the advisories for policies that need them for this. Fails where the settings do not let versions pass without
    /// them.
    pub(crate) async fn view(&self, need: AdvisoryNeed) -> Result<AdvisoryView, Error> {
        if need == AdvisoryNeed::Fixes && !self.settings.exempt_fixes {
            return Ok(AdvisoryView::NotRead);
        }
        if need == AdvisoryNeed::Refusal && self.failed_just_now() {
            let known = self.known().and_then(|known| known.index);
            if known.is_some() || self.settings.unavailable == UnavailableAdvisories::Allow {
                return Ok(self.stand_in(known));
            }
        }
        let missing = match self.index().await {
            Ok(Some(index)) => return Ok(self.known_view(index)),
            Ok(None) => Error::Policy(PolicyError::AdvisoriesMissing),
            Err(error) => error,
        };
        let is_missing = matches!(missing, Error::Policy(PolicyError::AdvisoriesMissing));
        if need == AdvisoryNeed::Fixes {
            if !is_missing {
                warn(
                    &missing,
                    "no version is exempt from a minimum age, since the advisories cannot be read",
                );
            }
            return Ok(AdvisoryView::NotRead);
        }
        let known = self.known().and_then(|known| known.index).filter(|_| !is_missing);
        match (self.settings.unavailable, &known) {
            (UnavailableAdvisories::Refuse, _) | (UnavailableAdvisories::LastKnown, None) => {
                return Err(missing);
            }
            (_, Some(_)) => warn(&missing, "using the advisories as they were last read"),
            (UnavailableAdvisories::Allow, None) => {
                warn(&missing, "versions are served without regard to advisories");
            }
        }
        *self.failed.write().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        Ok(self.stand_in(known))
    }

    /// Whether the settings say that no policy looks at it.
    pub(crate) fn is_ignored(&self, advisory: &Advisory) -> bool {
        self.settings.ignored.iter().any(|id| advisory.is_named(id))
    }

    fn known_view(&self, index: Arc<AdvisoryIndex>) -> AdvisoryView {
        AdvisoryView::Known(index, Arc::clone(&self.view))
    }

    /// Returns what stands in for advisories that cannot be read, where the settings allow it.
    fn stand_in(&self, known: Option<Arc<AdvisoryIndex>>) -> AdvisoryView {
        known.map_or(AdvisoryView::Unavailable, |index| self.known_view(index))
    }

    /// Whether a read failed so recently that a stand-in is used without another read.
    fn failed_just_now(&self) -> bool {
        let failed = *self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|failed| self.is_recent(failed))
    }

    fn is_recent(&self, moment: DateTime<Utc>) -> bool {
        // Of a clock that went back, no age is believed.
        (self.clock.now() - moment).to_std().is_ok_and(|age| age < self.settings.cached_for)
    }

    /// Returns the advisories, no older than configured; `None` if the store has none.
    pub(crate) async fn index(&self) -> Result<Option<Arc<AdvisoryIndex>>, Error> {
        if let Some(known) = self.fresh() {
            return Ok(known.index);
        }
        let looked = Box::pin(self.flights.run(&(), async { self.look().await.map(Some) })).await?;
        looked
            .map(|known| known.index.clone())
            .ok_or_else(|| Error::internal("the advisories were not looked up"))
    }

    fn known(&self) -> Option<KnownState> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the next caller read them again.
    pub(super) fn forget_when(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut() {
            known.checked = DateTime::<Utc>::MIN_UTC;
        }
    }

    fn fresh(&self) -> Option<KnownState> {
        self.known().filter(|known| self.is_recent(known.checked))
    }

    async fn look(&self) -> Result<Arc<KnownState>, Error> {
        // Another caller may have looked since.
        let known = match self.fresh() {
            Some(fresh) => return Ok(Arc::new(fresh)),
            None => self.known(),
        };
        // Before the request, since they may change during it.
        let now = self.clock.now();
        let read = self.look_at_store(known.as_ref(), now).await.map_err(|error| match error {
            error @ (Error::Policy(_) | Error::Storage(_)) => error,
            error => Error::Policy(PolicyError::AdvisoriesUnreadable { source: Box::new(error) }),
        })?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(read.clone());
        Ok(Arc::new(read))
    }

    async fn look_at_store(
        &self,
        known: Option<&KnownState>,
        now: DateTime<Utc>,
    ) -> Result<KnownState, Error> {
        let path = Key::AdvisoryRecord.path()?;
        let found = match known.and_then(|known| Some((known, known.etag.as_ref()?))) {
            Some((known, etag)) => match self.store.get_if_changed(&path, etag).await? {
                Fetched::Unchanged => return Ok(KnownState { checked: now, ..known.clone() }),
                Fetched::Changed(blob) => Some(blob),
                Fetched::Missing => self.store.or_proven_absent(None).await?,
            },
            None => self.store.get_proven(&path).await?,
        };
        let Some(blob) = found else { return Ok(KnownState { etag: None, checked: now, index: None }) };
        let index = self.read_index(&blob, known.and_then(|known| known.index.as_deref())).await?;
        Ok(KnownState { etag: Some(blob.etag), checked: now, index: Some(Arc::new(index)) })
    }

    async fn read_index(&self, blob: &Blob, known: Option<&AdvisoryIndex>) -> Result<AdvisoryIndex, Error> {
        let record = AdvisoryRecord::read(blob, &self.keys.to_verify().await?)?;
        let dump = match &record.dump {
            None => None,
            Some(of_record) => Some(match known.and_then(|known| known.dump_of(of_record)) {
                Some(dump) => dump,
                None => Arc::new(self.read_dump(of_record).await?),
            }),
        };
        AdvisoryIndex::new(&record, dump)
    }

    pub(super) async fn read_dump(&self, record: &DumpRecord) -> Result<Dump, Error> {
        let unreadable =
            |source: crate::error::BoxError| Error::Policy(PolicyError::AdvisoriesUnreadable { source });
        let path = Key::AdvisoryDump(&record.digest).path()?;
        let found = self.store.get_proven(&path).await?;
        let blob = found.ok_or_else(|| unreadable("the object with the advisories is missing".into()))?;
        if blob.bytes.len() as u64 > LARGEST {
            return Err(unreadable("the object with the advisories is too large".into()));
        }
        let (digest, inflated) = (record.digest.clone(), record.inflated);
        let read = compute_elsewhere(move || Dump::read(&blob.bytes, &digest, inflated)).await?;
        read.map_err(|error| unreadable(error.into()))
    }
}

fn warn(error: &Error, consequence: &str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{consequence}");
}
