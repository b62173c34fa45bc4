use bytes::Bytes;
use futures::future::BoxFuture;

use crate::Error;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::{MfaPolicy, Packument, Revision};
use crate::domain::search::SearchEntry;
use crate::events::EventKind;
use crate::limits::Limits;
use crate::packages::Packages;
use crate::randomness::random_bytes;
use crate::storage::{BlobETag, BlobPath, Edit, Fetched, Key, Step};

use crate::catalog::StoredPackument;
use crate::catalog::{MAX_LOOKUPS, Standing};
use crate::concurrency::{compute, detached};
use crate::search::IndexUpdate;

/// More than a change adds to the history of a packument.
const REVISION_BYTES: usize = 128;

/// What an operation decides after it saw the packument.
pub(crate) enum PackumentDecision<T> {
    /// Store the packument as it was changed.
    Commit(T),
    /// Store it without incrementing its revision, because the change does not affect other writers.
    CommitBeside(T),
    /// Store nothing: there is no change.
    Keep(T),
}

/// The outcome of a change.
#[derive(Debug, Clone)]
pub(crate) struct Committed<T> {
    pub(crate) value: T,
    pub(crate) revision: Revision,
}

/// A change that was made, or was already there, and its caller.
pub(crate) struct CommittedChange<T> {
    pub(crate) packages: Packages,
    pub(crate) caller: Caller,
    pub(crate) name: PackageName,
    pub(crate) value: T,
}

impl<T> CommittedChange<T> {
    /// Emits an event about the change.
    pub(crate) fn emit(&self, kind: EventKind) {
        self.packages.authorization.emit(&self.caller, Some(&self.name), kind);
    }
}

/// Runs once a change is decided and before it is stored. Its argument says whether the package exists.
pub(crate) type Before = Box<dyn FnOnce(bool) -> BoxFuture<'static, Result<(), Error>> + Send>;

impl Packages {
    /// Changes a packument by compare-and-swap: reads it, lets `decide` change it, stores it if no other writer was
    /// faster, and otherwise begins again from a fresh read. `decide` sees an empty packument where the package never
    /// existed. `then` runs after the commit, for example to emit events.
    ///
    /// Also requires the second factor from callers whose accounts need one for writes.
    ///
    /// Runs to its end even if the caller goes away: no client avoids the audit log by hanging up.
    pub(crate) async fn change<T, Decide, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        decide: Decide,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
        Then: FnOnce(CommittedChange<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let (packages, caller, name) = (self.clone(), caller.clone(), name.clone());
        detached(async move { packages.change_after(&caller, &name, None, decide, then).await }).await
    }

    /// Like [`Self::change`], with `before` run once `decide` accepted the change. It runs before this process
    /// locks the package, since it may take long, and only once, even if other writers change the packument in the
    /// meantime. Not detached: the caller is, since it has more to do afterward.
    pub(crate) async fn change_after<T, Decide, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        before: Option<Before>,
        decide: Decide,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
        Then: FnOnce(CommittedChange<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        self.authorization.require_room_for_events().await?;
        let caller = &self.accounts().require_two_factor_to_write(caller).await?;
        let changed = self.change_here(caller, name, before, decide).await;
        let changed = self.proxy().name_upstream_if_missing(caller, name, changed).await;
        let (committed, update) = self.authorization.report_denial(caller, name, changed)?;
        let value = committed.value.clone();
        then(CommittedChange { packages: self.clone(), caller: caller.clone(), name: name.clone(), value })
            .await;
        if let Some(update) = update {
            self.searches().index_for_search(name, update).await;
        }
        Ok(committed)
    }

    async fn change_here<T, Decide>(
        &self,
        caller: &Caller,
        name: &PackageName,
        before: Option<Before>,
        decide: Decide,
    ) -> Result<(Committed<T>, Option<IndexUpdate>), Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
    {
        let mut edit = EditPackument {
            packages: self,
            caller,
            name,
            decide: Some(decide),
            prepared: None,
            is_claimed: false,
        };
        if let Some(before) = before {
            match edit.look(&[]).await? {
                PlannedStep::Done(attempt) => return Ok((attempt.committed, attempt.update)),
                PlannedStep::Write(write) => {
                    before(write.base.is_some()).await?;
                    edit.prepared = Some(write);
                }
            }
        }
        let _turn = self.parts.locks.lock(name).await;
        let updated = self.parts.store.update(&Key::Packument(name).path()?, &mut edit).await?;
        if edit.is_claimed {
            self.catalog().enter_stored(name).await;
        }
        Ok((updated.outcome.committed, updated.outcome.update))
    }

    /// Returns the packument as stored now; `None` if no other writer has stored one either, or if this writer claimed
    /// the name. A package begins only in the store that was opened.
    async fn settled_packument(
        &self,
        name: &PackageName,
        is_claimed: bool,
    ) -> Result<Option<StoredPackument>, Error> {
        for _ in 0..MAX_LOOKUPS {
            let found = self.parts.store.or_proven_absent(self.catalog().read_packument(name).await?).await?;
            if found.is_some() || is_claimed || self.catalog().standing(name).await? != Standing::Stored {
                return Ok(found);
            }
        }
        Err(Error::Busy)
    }
}

/// A change of one packument.
struct EditPackument<'a, Decide, T> {
    packages: &'a Packages,
    caller: &'a Caller,
    name: &'a PackageName,
    /// `None` only while the closure runs on another thread.
    decide: Option<Decide>,
    /// The write decided before this process's turn.
    prepared: Option<Write<T>>,
    /// Whether this change claimed the spelling of a new package.
    is_claimed: bool,
}

/// A write that may have been stored.
#[derive(Debug, Clone)]
struct Attempt<T> {
    committed: Committed<T>,
    update: Option<IndexUpdate>,
}

/// A write and the state that it replaces.
struct Write<T> {
    json: Bytes,
    /// The state that was read, and its path: codebox-npm may have put packuments elsewhere.
    base: Option<(BlobPath, BlobETag)>,
    attempt: Attempt<T>,
    /// The policy before the change.
    mfa: MfaPolicy,
}

enum PlannedStep<T> {
    Done(Attempt<T>),
    Write(Write<T>),
}

impl<Decide, T> EditPackument<'_, Decide, T>
where
    T: Clone + Send + Sync + 'static,
    Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
{
    /// Reads the packument and decides.
    async fn look(&mut self, attempts: &[Attempt<T>]) -> Result<PlannedStep<T>, Error> {
        let (packages, name) = (self.packages, self.name);
        let found = packages.settled_packument(name, self.is_claimed).await?;
        let id = random_bytes(packages.parts.randomness.as_ref());
        let size = found.as_ref().map_or(0, |index| index.blob.bytes.len());
        let Some(mut decide) = self.decide.take() else {
            return Err(Error::Internal("a change was dropped in the middle of its decision".into()));
        };
        let (owner, attempts, limits) = (name.clone(), attempts.to_vec(), packages.parts.limits);
        let look;
        (decide, look) = compute(size, move || {
            let look = take_step(&owner, found.as_ref(), &attempts, id, &limits, &mut decide);
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
        let look = match self.still_prepared().await? {
            Some(write) => PlannedStep::Write(write),
            None => self.look(attempts).await?,
        };
        let write = match look {
            PlannedStep::Done(attempt) => return Ok(Step::Done(attempt)),
            PlannedStep::Write(write) => write,
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
    limits: &Limits,
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
        return Ok(PlannedStep::Done(Attempt { committed: stored.committed.clone(), update }));
    }
    let (shown, mfa) = (SearchEntry::of(&packument), packument.protection.mfa);
    let (tags, owners) = (packument.dist_tags.len(), packument.maintainers.len());
    match decide(&mut packument)? {
        PackumentDecision::Keep(value) => {
            let committed = Committed { value, revision: packument.revision };
            Ok(PlannedStep::Done(Attempt { committed, update: None }))
        }
        decision @ (PackumentDecision::Commit(_) | PackumentDecision::CommitBeside(_)) => {
            // A list beyond its limit may only shrink.
            if packument.dist_tags.len() > tags {
                limits.check_dist_tags(packument.dist_tags.len())?;
            }
            if packument.maintainers.len() > owners {
                limits.check_owners(packument.maintainers.len())?;
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
            let json = packument.to_json()?;
            // A change adds its revision to the history, which is shorter than this.
            let before = found.map_or(0, |index| index.blob.bytes.len().saturating_add(REVISION_BYTES));
            if json.len() > before {
                limits.check_packument(json.len())?;
            }
            let base = found.map(|index| (index.path.clone(), index.blob.etag.clone()));
            let attempt = Attempt { committed: Committed { value, revision: attempt }, update };
            Ok(PlannedStep::Write(Write { json: json.into(), base, attempt, mfa }))
        }
    }
}
