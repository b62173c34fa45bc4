use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::auth::Caller;
use crate::blob::{BlobETag, BlobPath, Fetched, Key, PutOutcome, When};
use crate::domain::PackageName;
use crate::domain::packument::{MfaPolicy, Packument, Revision};
use crate::domain::search::SearchEntry;
use crate::events::EventKind;
use crate::limits::Limits;
use crate::randomness::random_bytes;
use crate::{Error, Registry};

use super::read_index::StoredIndex;
use super::search::IndexUpdate;
use super::spelling::Standing;
use crate::concurrency::{Backoff, compute, detached};

/// For how long a writer goes on trying against others.
const PATIENCE: Duration = Duration::from_mins(1);

/// More than the history of a packument grows by with a change.
const REVISION_BYTES: usize = 128;

/// What an operation decided after it saw the packument.
pub(super) enum Decision<T> {
    /// Store the packument as it was changed.
    Commit(T),
    /// Store it without moving its revision on: the change is no matter of those who change the package.
    CommitBeside(T),
    /// There is nothing to change.
    Keep(T),
}

/// What came of a change.
#[derive(Debug)]
pub(super) struct Committed<T> {
    pub(super) value: T,
    pub(super) revision: Revision,
}

/// A change that was made, or found to be there already, and who wanted it.
#[derive(Debug)]
pub(super) struct Change<T> {
    pub(super) registry: Registry,
    pub(super) caller: Caller,
    pub(super) name: PackageName,
    pub(super) value: T,
}

impl<T> Change<T> {
    /// Tells the sink of it.
    pub(super) fn emit(&self, kind: EventKind) {
        self.registry.emit(&self.caller, Some(&self.name), kind);
    }
}

enum Step<T> {
    Done(Committed<T>, Option<IndexUpdate>),
    Write {
        json: Vec<u8>,
        when: When,
        committed: Committed<T>,
        update: Option<IndexUpdate>,
        /// As it was before the change.
        mfa: MfaPolicy,
    },
}

/// What must be done once a change is decided and before it is stored. It is told whether the package exists.
pub(super) type Before = Box<dyn FnOnce(bool) -> BoxFuture<'static, Result<(), Error>> + Send>;

impl Registry {
    /// Changes a packument by compare-and-swap: reads it, lets `decide` change it, stores it if nobody else did
    /// meanwhile, and otherwise begins again from a fresh read. `decide` sees an empty packument where the
    /// package never existed. What is to follow a change, such as to tell of it, belongs into `then`.
    ///
    /// This is also where the second factor is asked for, of callers who have one for writes.
    ///
    /// All of it runs to its end also if the caller goes away: nobody avoids the log by hanging up.
    pub(super) async fn change<T, Decide, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        decide: Decide,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<Decision<T>, Error> + Send + 'static,
        Then: FnOnce(Change<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let (registry, caller, name) = (self.clone(), caller.clone(), name.clone());
        detached(async move { registry.change_after(&caller, &name, None, decide, then).await }).await
    }

    /// The same with something to be done first: after `decide` had nothing against the change, and outside this
    /// process's turn, since it may take long. It is done once, also if others change the packument meanwhile.
    /// Not detached: the caller is, since it has more to do after it.
    pub(super) async fn change_after<T, Decide, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        before: Option<Before>,
        decide: Decide,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<Decision<T>, Error> + Send + 'static,
        Then: FnOnce(Change<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        self.require_room_for_events().await?;
        let caller = &self.require_two_factor_to_write(caller).await?;
        let changed = self.change_here(caller, name, before, decide).await;
        let changed = self.told_where_from(caller, name, changed).await;
        let (committed, update) = self.report_denial(caller, name, changed)?;
        let value = committed.value.clone();
        then(Change { registry: self.clone(), caller: caller.clone(), name: name.clone(), value }).await;
        if let Some(update) = update {
            self.index_for_search(name, update).await;
        }
        Ok(committed)
    }

    async fn change_here<T, Decide>(
        &self,
        caller: &Caller,
        name: &PackageName,
        mut before: Option<Before>,
        mut decide: Decide,
    ) -> Result<(Committed<T>, Option<IndexUpdate>), Error>
    where
        T: Clone + Send + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<Decision<T>, Error> + Send + 'static,
    {
        let mut _turn = if before.is_none() { Some(self.parts.package_locks.lock(name).await) } else { None };
        let path = Key::Packument(name).path()?;
        let mut deadline = Instant::now() + PATIENCE;
        let mut backoff = Backoff::default();
        let mut attempts: Vec<(Revision, T)> = Vec::new();
        let mut is_claimed = false;
        loop {
            // A package begins in the store that was opened, and in no other.
            let found = self.or_proven_absent(self.read_index(name).await?).await?;
            if found.is_none() && !is_claimed && self.standing(name).await? == Standing::Stored {
                continue;
            }
            let id = random_bytes(self.parts.randomness.as_ref());
            let size = found.as_ref().map_or(0, |index| index.blob.bytes.len());
            let is_new = found.is_none();
            let state = found.as_ref().map(|index| (index.path.clone(), index.blob.etag.clone()));
            let (again, earlier, owner, limits) = (decide, attempts, name.clone(), self.parts.limits);
            let step;
            (decide, attempts, step) = compute(size, move || {
                let (mut decide, attempts) = (again, earlier);
                let step = take_step(&owner, found.as_ref(), &attempts, id, &limits, &mut decide);
                (decide, attempts, step)
            })
            .await?;
            let (json, when, committed, update) = match step? {
                Step::Done(committed, update) => {
                    if is_claimed {
                        self.enter_stored(name).await;
                    }
                    return Ok((committed, update));
                }
                Step::Write { json, when, committed, update, mfa } => {
                    self.require_two_factor_of_package(caller, name, mfa).await?;
                    (json, when, committed, update)
                }
            };
            let Committed { value, revision } = committed;
            if let Some(before) = before.take() {
                before(state.is_some()).await?;
                deadline = Instant::now() + PATIENCE;
                _turn = Some(self.parts.package_locks.lock(name).await);
                if !self.is_still(state).await? {
                    continue;
                }
            }
            if is_new {
                self.claim_spelling(name).await?;
                is_claimed = true;
            }
            match self.write_index(&path, json, when).await {
                Ok(PutOutcome::Stored(_)) => {
                    if is_new {
                        self.enter_stored(name).await;
                    }
                    return Ok((Committed { value, revision }, update));
                }
                // An answer may have been lost inside the store's client: the next read shows whose write landed.
                Ok(PutOutcome::Conflict) => attempts.push((revision, value)),
                Err(error @ Error::Store(crate::blob::BlobError::Unavailable { .. })) => {
                    if Instant::now() > deadline {
                        return Err(error);
                    }
                    attempts.push((revision, value));
                }
                Err(error) => return Err(error),
            }
            if Instant::now() > deadline {
                return Err(Error::Busy);
            }
            backoff.pause(self.parts.randomness.as_ref()).await;
        }
    }

    /// Whether a packument is still the one that was read. Only spares a write that would be in vain.
    async fn is_still(&self, state: Option<(BlobPath, BlobETag)>) -> Result<bool, Error> {
        let Some((path, etag)) = state else { return Ok(true) };
        Ok(self.parts.store.get_if_changed(&path, &etag).await? == Fetched::Unchanged)
    }

    async fn write_index(&self, path: &BlobPath, json: Vec<u8>, when: When) -> Result<PutOutcome, Error> {
        Ok(self.parts.store.put(path, json.into(), when).await?)
    }
}

fn take_step<T: Clone>(
    name: &PackageName,
    found: Option<&StoredIndex>,
    attempts: &[(Revision, T)],
    id: [u8; 16],
    limits: &Limits,
    decide: &mut impl FnMut(&mut Packument<'_>) -> Result<Decision<T>, Error>,
) -> Result<Step<T>, Error> {
    let path = Key::Packument(name).path()?;
    let mut packument = match found {
        None => Packument::new(name.clone()),
        Some(index) => Packument::parse(name, &index.blob.bytes)?,
    };
    if let Some((revision, value)) =
        attempts.iter().find(|(revision, _)| packument.history.contains(revision))
    {
        let committed = Committed { value: value.clone(), revision: revision.clone() };
        return Ok(Step::Done(committed, Some(IndexUpdate::of(&packument))));
    }
    let (shown, mfa) = (SearchEntry::of(&packument), packument.protection.mfa);
    let (tags, owners) = (packument.dist_tags.len(), packument.maintainers.len());
    match decide(&mut packument)? {
        Decision::Keep(value) => Ok(Step::Done(Committed { value, revision: packument.revision }, None)),
        decision @ (Decision::Commit(_) | Decision::CommitBeside(_)) => {
            // What is beyond a limit may become smaller, and nothing else.
            if packument.dist_tags.len() > tags {
                limits.check_dist_tags(packument.dist_tags.len())?;
            }
            if packument.maintainers.len() > owners {
                limits.check_owners(packument.maintainers.len())?;
            }
            // Remembered also where the package keeps its revision: it tells whether this very write landed.
            let attempt = packument.revision.next(id);
            packument.history.push(attempt.clone());
            let value = match decision {
                Decision::Commit(value) => {
                    packument.revision = attempt.clone();
                    value
                }
                Decision::CommitBeside(value) | Decision::Keep(value) => value,
            };
            let when = match found {
                // A packument of codebox-npm under plain capitals stays where it is; ours supersedes it.
                Some(index) if index.path == path => When::Matches(index.blob.etag.clone()),
                _ => When::Absent,
            };
            let update = IndexUpdate::of(&packument);
            // Such as a star. Whoever made what is shown enters it, or has. A package that begins is entered even if
            // nothing of it is shown yet: its name is private from now on.
            let update = (update.entry != shown || found.is_none()).then_some(update);
            let json = packument.to_json()?;
            // Each change adds its revision to the history, by less than this.
            let before = found.map_or(0, |index| index.blob.bytes.len().saturating_add(REVISION_BYTES));
            if json.len() > before {
                limits.check_packument(json.len())?;
            }
            let committed = Committed { value, revision: attempt };
            Ok(Step::Write { json, when, committed, update, mfa })
        }
    }
}
