use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::auth::Caller;
use crate::catalog::StoredPackument;
use crate::changes::{ChangedDocument, Changes, LARGE_OUTBOX, OutboxMarker, outbox_bytes};
use crate::concurrency::compute;
use crate::domain::packument::{MfaPolicy, Packument};
use crate::domain::search::SearchEntry;
use crate::domain::{OutboxEntry, PackageName};
use crate::events::{Event, EventKind};
use crate::limits::Limits;
use crate::packages::Packages;
use crate::randomness::random_bytes;
use crate::search::IndexUpdate;
use crate::storage::{BlobETag, BlobPath, Edit, Fetched, Key, Step};

use super::{Committed, PackumentDecision};

/// More than a change adds to the history of a packument.
const REVISION_BYTES: usize = 128;

/// The events of a change, by its result.
type EventsOf<T> = Arc<dyn Fn(&T) -> Vec<EventKind> + Send + Sync>;

/// A change of one packument.
pub(super) struct EditPackument<'a, Decide, T> {
    packages: &'a Packages,
    caller: &'a Caller,
    pub(super) name: &'a PackageName,
    /// `None` only while the closure runs on another thread.
    decide: Option<Decide>,
    events: EventsOf<T>,
    /// The write decided before this process's turn, whose marker is written.
    pub(super) prepared: Option<Write<T>>,
    /// Whether this change claimed the spelling of a new package.
    pub(super) is_claimed: bool,
    /// The markers of all attempts.
    pub(super) markers: Vec<OutboxMarker>,
}

/// A write that may have been stored.
#[derive(Debug, Clone)]
pub(super) struct Attempt<T> {
    pub(super) committed: Committed<T>,
    pub(super) update: Option<IndexUpdate>,
    pub(super) events: Vec<Event>,
    /// The whole outbox that is stored with it.
    pub(super) outbox: Vec<OutboxEntry>,
}

impl<T: Sync> Attempt<T> {
    /// Marks the package as one whose outbox will hold events, before it does.
    pub(super) async fn mark(
        &self,
        changes: &Changes,
        name: &PackageName,
    ) -> Result<Option<OutboxMarker>, Error> {
        changes.mark(&ChangedDocument::Package(name.clone()), &self.events, &self.outbox).await
    }
}

/// A write and the state that it replaces.
pub(super) struct Write<T> {
    json: Bytes,
    /// The state that was read, and its path: codebox-npm may have put packuments elsewhere.
    pub(super) base: Option<(BlobPath, BlobETag)>,
    pub(super) attempt: Attempt<T>,
    /// The policy before the change.
    mfa: MfaPolicy,
}

pub(super) enum PlannedStep<T> {
    Done(Attempt<T>),
    Write(Write<T>),
}

impl<'a, Decide, T> EditPackument<'a, Decide, T>
where
    T: Clone + Send + Sync + 'static,
    Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
{
    pub(super) fn new<Events, Kinds>(
        packages: &'a Packages,
        caller: &'a Caller,
        name: &'a PackageName,
        decide: Decide,
        events: Events,
    ) -> Self
    where
        Events: Fn(&T) -> Kinds + Send + Sync + 'static,
        Kinds: IntoIterator<Item = EventKind>,
    {
        let events: EventsOf<T> = Arc::new(move |value| events(value).into_iter().collect());
        let decide = Some(decide);
        Self {
            packages,
            caller,
            name,
            decide,
            events,
            prepared: None,
            is_claimed: false,
            markers: Vec::new(),
        }
    }

    /// Reads the packument and decides.
    pub(super) async fn look(&mut self, attempts: &[Attempt<T>]) -> Result<PlannedStep<T>, Error> {
        let planned = self.look_once(attempts).await?;
        let outbox = match &planned {
            PlannedStep::Write(write) => write.attempt.outbox.as_slice(),
            PlannedStep::Done(_) => &[],
        };
        // Other processes moved most of them into the feed, so they can leave the packument.
        if outbox.len() > LARGE_OUTBOX && self.packages.parts.commits.changes.look_up_relayed(outbox).await? {
            return self.look_once(attempts).await;
        }
        Ok(planned)
    }

    async fn look_once(&mut self, attempts: &[Attempt<T>]) -> Result<PlannedStep<T>, Error> {
        let (packages, name) = (self.packages, self.name);
        let found = packages.settled_packument(name, self.is_claimed).await?;
        let id = random_bytes(packages.parts.randomness.as_ref());
        let size = found.as_ref().map_or(0, |index| index.blob.bytes.len());
        let Some(mut decide) = self.decide.take() else {
            return Err(Error::Internal("a change was dropped in the middle of its decision".into()));
        };
        let recorder = Recorder {
            packages: packages.clone(),
            caller: self.caller.clone(),
            events: Arc::clone(&self.events),
            position: packages.parts.commits.changes.position().await?,
        };
        let (owner, attempts) = (name.clone(), attempts.to_vec());
        let look;
        (decide, look) = compute(size, move || {
            let look = take_step(&owner, found.as_ref(), &attempts, id, &recorder, &mut decide);
            (decide, look)
        })
        .await?;
        self.decide = Some(decide);
        let look = look?;
        if let PlannedStep::Write(write) = &look {
            packages.accounts().require_two_factor_of_package(self.caller, name, write.mfa).await?;
        }
        Ok(look)
    }

    /// Returns the prepared write, if the packument is still the one that was read.
    async fn still_prepared(&mut self) -> Result<Option<Write<T>>, Error> {
        let Some(write) = self.prepared.take() else { return Ok(None) };
        let Some((path, etag)) = &write.base else { return Ok(Some(write)) };
        let is_still = self.packages.parts.store.get_if_changed(path, etag).await? == Fetched::Unchanged;
        Ok(is_still.then_some(write))
    }
}

impl<Decide, T> Edit for EditPackument<'_, Decide, T>
where
    T: Clone + Send + Sync + 'static,
    Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
{
    type Outcome = Attempt<T>;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;

    async fn attempt(&mut self, attempts: &[Attempt<T>]) -> Result<Step<Attempt<T>>, Error> {
        let write = match self.still_prepared().await? {
            Some(write) => write,
            None => match self.look(attempts).await? {
                PlannedStep::Done(attempt) => return Ok(Step::Done(attempt)),
                PlannedStep::Write(write) => {
                    let (packages, name) = (self.packages, self.name);
                    let marked = write.attempt.mark(&packages.parts.commits.changes, name).await?;
                    self.markers.extend(marked);
                    write
                }
            },
        };
        if write.base.is_none() {
            self.packages.catalog().claim_spelling(self.name).await?;
            self.is_claimed = true;
        }
        let path = Key::Packument(self.name).path()?;
        // A packument of codebox-npm under plain capitals stays where it is; ours supersedes it.
        let base = write.base.filter(|(read, _)| *read == path).map(|(_, etag)| etag);
        Ok(Step::Write { bytes: write.json, base, outcome: write.attempt })
    }
}

fn take_step<T: Clone>(
    name: &PackageName,
    found: Option<&StoredPackument>,
    attempts: &[Attempt<T>],
    id: [u8; 16],
    recorder: &Recorder<T>,
    decide: &mut impl FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error>,
) -> Result<PlannedStep<T>, Error> {
    let mut packument = match found {
        None => Packument::new(name.clone()),
        Some(index) => Packument::parse(name, &index.blob.bytes)?,
    };
    // An answer may have been lost, also inside the store's client: the history tells which write was stored.
    if let Some(stored) =
        attempts.iter().find(|attempt| packument.history.contains(&attempt.committed.revision))
    {
        let update = Some(IndexUpdate::of(&packument));
        return Ok(PlannedStep::Done(Attempt { update, ..stored.clone() }));
    }
    let (shown, mfa) = (SearchEntry::of(&packument), packument.protection.mfa);
    let (tags, owners) = (packument.dist_tags.len(), packument.maintainers.len());
    match decide(&mut packument)? {
        PackumentDecision::Keep(value) => {
            let committed = Committed { value, revision: packument.revision };
            let (events, outbox) = (Vec::new(), Vec::new());
            Ok(PlannedStep::Done(Attempt { committed, update: None, events, outbox }))
        }
        decision @ (PackumentDecision::Commit(_) | PackumentDecision::CommitBeside(_)) => {
            // A list beyond its limit may only shrink.
            if packument.dist_tags.len() > tags {
                recorder.limits().check_dist_tags(packument.dist_tags.len())?;
            }
            if packument.maintainers.len() > owners {
                recorder.limits().check_owners(packument.maintainers.len())?;
            }
            // Recorded even where the package keeps its revision: it tells whether this very write was stored.
            let attempt = packument.revision.next(id);
            packument.history.push(attempt.clone());
            let value = match decision {
                PackumentDecision::Commit(value) => {
                    packument.revision = attempt.clone();
                    value
                }
                PackumentDecision::CommitBeside(value) | PackumentDecision::Keep(value) => value,
            };
            let update = IndexUpdate::of(&packument);
            // Skips the index for changes such as a star, which do not change the entry. A new package is entered even
            // if nothing of it is visible yet: its name is private from now on.
            let update = (update.entry != shown || found.is_none()).then_some(update);
            // Events leave the document again, so they do not count.
            let size = |bytes: usize, outbox: &[OutboxEntry]| bytes.saturating_sub(outbox_bytes(outbox));
            let before = found.map_or(0, |index| size(index.blob.bytes.len(), &packument.outbox));
            let events = recorder.record(&mut packument, &value, id)?;
            let json = packument.to_json()?;
            let after = size(json.len(), &packument.outbox);
            // A change adds its revision to the history, which is shorter than this.
            if after > before.saturating_add(REVISION_BYTES) {
                recorder.limits().check_packument(after)?;
            }
            let base = found.map(|index| (index.path.clone(), index.blob.etag.clone()));
            let committed = Committed { value, revision: attempt };
            let attempt = Attempt { committed, update, events, outbox: packument.outbox };
            Ok(PlannedStep::Write(Write { json: json.into(), base, attempt, mfa }))
        }
    }
}

/// Puts the events of a change into its packument.
struct Recorder<T> {
    packages: Packages,
    caller: Caller,
    events: EventsOf<T>,
    /// Where the change feed ended before the change; `None` without one.
    position: Option<u64>,
}

impl<T> Recorder<T> {
    fn limits(&self) -> &Limits {
        &self.packages.parts.limits
    }

    fn record(&self, packument: &mut Packument<'_>, value: &T, id: [u8; 16]) -> Result<Vec<Event>, Error> {
        let event = |kind| self.packages.authorization.event(&self.caller, Some(&packument.name), kind);
        let mut events: Vec<Event> = (self.events)(value).into_iter().map(event).collect();
        if let Some(after) = self.position {
            self.packages.parts.commits.changes.enter(&mut packument.outbox, &mut events, id, after)?;
        }
        Ok(events)
    }
}
