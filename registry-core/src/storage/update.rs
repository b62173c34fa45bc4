//! Changes a blob by compare-and-swap. Every document that writers share is changed here and nowhere else.
//!
//! An [`Edit`] reads the blob and decides what to write. [`update`] writes it if the blob is unchanged since that read,
//! and runs the edit again from a fresh read if another writer was faster.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Blob, BlobETag, BlobError, BlobPath, BlobStore, PutOutcome, When};
use crate::concurrency::Backoff;
use crate::randomness::Randomness;

/// Other writers were faster until an update gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("other writers were faster each time")]
pub(crate) struct Contended;

/// A change of one blob, based on its stored content.
pub(crate) trait Edit: Send {
    /// The result for the caller of the update.
    type Outcome: Send + Sync;
    /// Why the edit failed.
    type Error: From<BlobError> + From<Contended> + Send;

    /// Whether [`Edit::attempt`] recognizes its earlier attempts in the blob. If so, the edit is retried after a write
    /// without an answer. If not, such a write ends the update, since its outcome is unknown.
    const RECOGNIZES_ATTEMPTS: bool = false;

    /// How long the update competes with other writers, and waits for a store that does not answer.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// Reads the blob and decides what to write. `attempts` are the outcomes of earlier writes that were rejected or
    /// not answered. One of them may have been stored nevertheless: the store's client retries, and the rejection may
    /// concern its own first write.
    fn attempt(
        &mut self,
        attempts: &[Self::Outcome],
    ) -> impl Future<Output = Result<Step<Self::Outcome>, Self::Error>> + Send;
}

/// The decision of an [`Edit`].
pub(crate) enum Step<Outcome> {
    /// Writes nothing.
    Done(Outcome),
    /// Replaces the blob.
    Write {
        bytes: Bytes,
        /// The state of the blob that was read; `None` if there was none.
        base: Option<BlobETag>,
        outcome: Outcome,
    },
}

/// An outcome, and the blob's new state if this update wrote it.
pub(crate) struct Updated<Outcome> {
    pub(crate) outcome: Outcome,
    pub(crate) stored: Option<BlobETag>,
}

/// Runs `edit` until its write is stored or it has nothing to write.
///
/// # Errors
///
/// Those of the edit. [`Contended`] if other writers were faster for [`Edit::PATIENCE`]. [`BlobError`] if the store
/// failed; if the edit recognizes its attempts, only after the store did not answer for as long.
pub(crate) async fn update<E: Edit>(
    store: &dyn BlobStore,
    randomness: &dyn Randomness,
    path: &BlobPath,
    edit: &mut E,
) -> Result<Updated<E::Outcome>, E::Error> {
    let deadline = Instant::now() + E::PATIENCE;
    let mut backoff = Backoff::default();
    let mut attempts = Vec::new();
    loop {
        let mut unanswered = None;
        match edit.attempt(&attempts).await? {
            Step::Done(outcome) => return Ok(Updated { outcome, stored: None }),
            Step::Write { bytes, base, outcome } => {
                let when = base.map_or(When::Absent, When::Matches);
                match store.put(path, bytes, when).await {
                    Ok(PutOutcome::Stored(etag)) => return Ok(Updated { outcome, stored: Some(etag) }),
                    Ok(PutOutcome::Conflict) => attempts.push(outcome),
                    Err(error @ BlobError::Unavailable { .. }) if E::RECOGNIZES_ATTEMPTS => {
                        attempts.push(outcome);
                        unanswered = Some(error);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if Instant::now() > deadline {
            return Err(unanswered.map_or_else(|| Contended.into(), Into::into));
        }
        backoff.pause(randomness).await;
    }
}

/// The decision of a function passed to [`update_with`].
pub(crate) enum BlobDecision<Outcome> {
    /// Writes nothing.
    Keep(Outcome),
    /// Stores these bytes.
    Write(Bytes, Outcome),
}

/// Changes a blob by a function of its content. See [`update`].
pub(crate) async fn update_with<Outcome, Error, Decide>(
    store: &dyn BlobStore,
    randomness: &dyn Randomness,
    path: &BlobPath,
    decide: Decide,
) -> Result<Outcome, Error>
where
    Outcome: Send + Sync,
    Error: From<BlobError> + From<Contended> + Send,
    Decide: FnMut(Option<&Blob>) -> Result<BlobDecision<Outcome>, Error> + Send,
{
    let mut edit = Function { read: Plain { store, path }, decide, outcome: PhantomData };
    Ok(update(store, randomness, path, &mut edit).await?.outcome)
}

/// How a [`Function`] reads the blob.
pub(super) trait Read<Error>: Sync {
    fn read(&self) -> impl Future<Output = Result<Option<Blob>, Error>> + Send;
}

struct Plain<'a> {
    store: &'a dyn BlobStore,
    path: &'a BlobPath,
}

impl<Error: From<BlobError>> Read<Error> for Plain<'_> {
    async fn read(&self) -> Result<Option<Blob>, Error> {
        Ok(self.store.get(self.path).await?)
    }
}

/// The [`Edit`] of a function.
pub(super) struct Function<Reader, Decide, Outcome> {
    pub(super) read: Reader,
    pub(super) decide: Decide,
    pub(super) outcome: PhantomData<fn() -> Outcome>,
}

impl<Reader, Decide, Outcome, Error> Edit for Function<Reader, Decide, Outcome>
where
    Outcome: Send + Sync,
    Error: From<BlobError> + From<Contended> + Send,
    Reader: Read<Error> + Send,
    Decide: FnMut(Option<&Blob>) -> Result<BlobDecision<Outcome>, Error> + Send,
{
    type Outcome = Outcome;
    type Error = Error;

    async fn attempt(&mut self, _: &[Outcome]) -> Result<Step<Outcome>, Error> {
        let stored = self.read.read().await?;
        Ok(match (self.decide)(stored.as_ref())? {
            BlobDecision::Keep(outcome) => Step::Done(outcome),
            BlobDecision::Write(bytes, outcome) => {
                Step::Write { bytes, base: stored.map(|blob| blob.etag), outcome }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ObjectStoreBlobs;
    use super::*;
    use crate::randomness::SystemRandomness;

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error(transparent)]
        Store(#[from] BlobError),
        #[error(transparent)]
        Contended(#[from] Contended),
    }

    fn path() -> BlobPath {
        BlobPath::parse("counter").unwrap()
    }

    fn number(blob: Option<&Blob>) -> u64 {
        blob.map_or(0, |blob| std::str::from_utf8(&blob.bytes).unwrap().parse().unwrap())
    }

    async fn count(store: &dyn BlobStore) -> Result<u64, Failure> {
        update_with(store, &SystemRandomness, &path(), |stored| {
            let next = number(stored) + 1;
            Ok(BlobDecision::Write(next.to_string().into(), next))
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_updates_all_take_effect() {
        let store = ObjectStoreBlobs::in_memory();
        let mut numbers = futures::future::try_join_all((0..20).map(|_| count(&store))).await.unwrap();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert_eq!(number(store.get(&path()).await.unwrap().as_ref()), 20);
    }

    /// Writes into the blob between each read and each write of the update.
    struct Overtaken<'a> {
        store: &'a dyn BlobStore,
        attempts: usize,
    }

    impl Edit for Overtaken<'_> {
        type Outcome = ();
        type Error = Failure;

        async fn attempt(&mut self, attempts: &[()]) -> Result<Step<()>, Failure> {
            assert_eq!(attempts.len(), self.attempts);
            self.attempts += 1;
            let base = self.store.get(&path()).await?.map(|blob| blob.etag);
            count(self.store).await?;
            Ok(Step::Write { bytes: "0".into(), base, outcome: () })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_that_is_overtaken_again_and_again_gives_up_after_a_minute() {
        let store = ObjectStoreBlobs::in_memory();
        let begun = Instant::now();
        let mut edit = Overtaken { store: &store, attempts: 0 };
        let updated = update(&store, &SystemRandomness, &path(), &mut edit).await;
        assert!(matches!(updated, Err(Failure::Contended(_))));
        assert!((60..62).contains(&begun.elapsed().as_secs()));
        assert!(edit.attempts < 2_000, "{} attempts: there are pauses between them", edit.attempts);
    }

    #[tokio::test]
    async fn nothing_is_written_where_nothing_changes() {
        let store = ObjectStoreBlobs::in_memory();
        let keep = |_: Option<&Blob>| Ok::<_, Failure>(BlobDecision::Keep(7));
        assert_eq!(update_with(&store, &SystemRandomness, &path(), keep).await.unwrap(), 7);
        assert_eq!(store.get(&path()).await.unwrap(), None);
    }
}
