mod edit;

use futures::future::BoxFuture;

use crate::Error;
use crate::auth::Caller;
use crate::changes::{ChangedDocument, CommittedChanges};
use crate::concurrency::detached;
use crate::domain::PackageName;
use crate::domain::packument::{Packument, Revision};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::search::IndexUpdate;
use crate::storage::Key;

use crate::catalog::{MAX_LOOKUPS, Standing, StoredPackument};

use edit::{Attempt, EditPackument, PlannedStep};

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

/// A change that was made, or was already there.
pub(crate) struct CommittedChange<T> {
    pub(crate) packages: Packages,
    pub(crate) value: T,
}

/// Runs once a change is decided and before it is stored. Its argument says whether the package exists.
pub(crate) type Before = Box<dyn FnOnce(bool) -> BoxFuture<'static, Result<(), Error>> + Send>;

/// For changes after which nothing is left to do.
pub(crate) async fn nothing_more<T>(_: CommittedChange<T>) {}

impl Packages {
    /// Changes a packument by compare-and-swap: reads it, lets `decide` change it, stores it if no other writer was
    /// faster, and otherwise begins again from a fresh read. `decide` sees an empty packument where the package never
    /// existed. The commit contains `events`, and emits them.
    ///
    /// Also requires the second factor from callers whose accounts need one for writes.
    ///
    /// Runs to its end even if the caller goes away: no client avoids the audit log by hanging up.
    pub(crate) async fn change<T, Decide, Events, Kinds>(
        &self,
        caller: &Caller,
        name: &PackageName,
        decide: Decide,
        events: Events,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
        Events: Fn(&T) -> Kinds + Send + Sync + 'static,
        Kinds: IntoIterator<Item = EventKind>,
    {
        self.change_and_then(caller, name, decide, events, nothing_more).await
    }

    /// Like [`Self::change`]. `then` runs after the commit.
    pub(crate) async fn change_and_then<T, Decide, Events, Kinds, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        decide: Decide,
        events: Events,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
        Events: Fn(&T) -> Kinds + Send + Sync + 'static,
        Kinds: IntoIterator<Item = EventKind>,
        Then: FnOnce(CommittedChange<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let (packages, caller, name) = (self.clone(), caller.clone(), name.clone());
        detached(async move { packages.change_after(&caller, &name, None, decide, events, then).await }).await
    }

    /// Like [`Self::change_and_then`], with `before` run once `decide` accepted the change. It runs before this process
    /// locks the package, since it may take long, and only once, even if other writers change the packument in the
    /// meantime. Not detached: the caller is, since it has more to do afterward.
    pub(crate) async fn change_after<T, Decide, Events, Kinds, Then, Done>(
        &self,
        caller: &Caller,
        name: &PackageName,
        before: Option<Before>,
        decide: Decide,
        events: Events,
        then: Then,
    ) -> Result<Committed<T>, Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
        Events: Fn(&T) -> Kinds + Send + Sync + 'static,
        Kinds: IntoIterator<Item = EventKind>,
        Then: FnOnce(CommittedChange<T>) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        self.authorization.require_room_for_events().await?;
        let caller = &self.accounts().require_two_factor_to_write(caller, name).await?;
        let edit = EditPackument::new(self, caller, name, decide, events);
        let changed = self.change_here(edit, before).await;
        let changed = self.proxy().name_upstream_if_missing(caller, name, changed).await;
        let (committed, update) = self.authorization.report_denial(caller, name, changed)?;
        then(CommittedChange { packages: self.clone(), value: committed.value.clone() }).await;
        if let Some(update) = update {
            self.searches().index_for_search(name, update).await;
        }
        Ok(committed)
    }

    async fn change_here<T, Decide>(
        &self,
        mut edit: EditPackument<'_, Decide, T>,
        before: Option<Before>,
    ) -> Result<(Committed<T>, Option<IndexUpdate>), Error>
    where
        T: Clone + Send + Sync + 'static,
        Decide: FnMut(&mut Packument<'_>) -> Result<PackumentDecision<T>, Error> + Send + 'static,
    {
        if let Some(before) = before {
            match edit.look(&[]).await? {
                PlannedStep::Done(attempt) => return Ok((attempt.committed, attempt.update)),
                PlannedStep::Write(write) => {
                    // The marker is written meanwhile, so that it costs no time.
                    let (done, marked) = futures::future::join(
                        before(write.base.is_some()),
                        write.attempt.mark(&self.parts.commits.changes, edit.name),
                    )
                    .await;
                    edit.markers.extend(marked?);
                    if let Err(error) = done {
                        self.parts.commits.changes.withdraw(edit.markers).await;
                        return Err(error);
                    }
                    edit.prepared = Some(write);
                }
            }
        }
        let _turn = self.parts.commits.locks.lock(edit.name).await;
        let updated = self.parts.store.update(&Key::Packument(edit.name).path()?, &mut edit).await;
        let updated = updated.inspect_err(|_| self.parts.commits.changes.abandon(&edit.markers))?;
        if edit.is_claimed {
            self.catalog().enter_stored(edit.name).await;
        }
        let Attempt { committed, update, events, outbox } = updated.outcome;
        let (document, markers) = (ChangedDocument::Package(edit.name.clone()), edit.markers);
        let changes = CommittedChanges { document, events, outbox, markers };
        self.parts.commits.changes.committed(self.authorization.events(), changes);
        Ok((committed, update))
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
