use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::{Blob, BlobPath, BlobStore, Decision, update_with};
use crate::vocabulary::BoxError;

/// Somebody whom another service vouches for.
pub(super) trait Vouched: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync {
    /// What they are called here.
    fn name(&self) -> &str;

    /// Whether both are the same person to the service, whatever they are called.
    fn is(&self, other: &Self) -> bool;

    /// Where what is known of a name is kept.
    fn path(name: &str) -> Result<BlobPath, BoxError>;
}

/// What is kept in the store of those who were let in, since for tokens that the registry made there is no credential
/// that the service could be asked about.
pub(super) struct Records<Member> {
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    lifetime: TimeDelta,
    members: PhantomData<fn() -> Member>,
}

#[derive(Serialize, Deserialize)]
struct Record<Member> {
    #[serde(flatten)]
    member: Member,
    /// When the service last vouched for them.
    checked: DateTime<Utc>,
    /// The service has said since that they do not belong here any more.
    left: bool,
    /// Whether the name counts only where the registry claimed it for them: so it is of all that were kept since names
    /// are claimed. Of those before, the record is all that tells whose the name is.
    #[serde(default)]
    needs_claim: bool,
}

/// Whether the registry knows somebody of this name as another person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remembered {
    Kept,
    /// The name was another person's when it was first seen here.
    NameOfAnother,
}

impl<Member: Vouched> Records<Member> {
    pub(super) fn new(
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        lifetime: Duration,
    ) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        Self { store, clock, randomness, lifetime, members: PhantomData }
    }

    /// What is known of the name, if the service vouched for it lately enough.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Member>, BoxError> {
        let Some(record) = self.read(&Member::path(name)?).await? else { return Ok(None) };
        let age = self.clock.now() - record.checked;
        Ok((!record.left && age < self.lifetime).then_some(record.member))
    }

    /// Whether somebody had the name before names were claimed, however long ago.
    pub(super) async fn had_name(&self, name: &str) -> Result<bool, BoxError> {
        let record = self.read(&Member::path(name)?).await?;
        Ok(record.is_some_and(|record| !record.needs_claim))
    }

    /// Keeps that the service vouched for somebody now. A record that says the same and is young is left as it is.
    pub(super) async fn keep(&self, member: &Member) -> Result<Remembered, BoxError> {
        let path = Member::path(member.name())?;
        let kept = update_with(&*self.store, &*self.randomness, &path, |stored| {
            let now = self.clock.now();
            let record = stored.map(|blob| Record::<Member>::read(&path, blob)).transpose()?;
            let needs_claim = match &record {
                None => true,
                Some(record) if !record.member.is(member) => {
                    return Ok(Decision::Keep(Remembered::NameOfAnother));
                }
                Some(record) if self.is_young(record, member, now) => {
                    return Ok(Decision::Keep(Remembered::Kept));
                }
                Some(record) => record.needs_claim,
            };
            let record = Record { member: member.clone(), checked: now, left: false, needs_claim };
            Ok::<_, BoxError>(Decision::Write(record.write()?, Remembered::Kept))
        });
        kept.await
    }

    /// Keeps that somebody does not belong here any more, which ends the tokens that the registry made for them.
    #[cfg(feature = "github")]
    pub(super) async fn end(&self, member: &Member) -> Result<(), BoxError> {
        let path = Member::path(member.name())?;
        let ended = update_with(&*self.store, &*self.randomness, &path, |stored| {
            let record = stored.map(|blob| Record::<Member>::read(&path, blob)).transpose()?;
            Ok::<_, BoxError>(match record {
                Some(record) if record.member.is(member) && !record.left => {
                    Decision::Write(Record { left: true, ..record }.write()?, ())
                }
                _ => Decision::Keep(()),
            })
        });
        ended.await
    }

    /// Written anew, it would say nothing that is worth a write.
    fn is_young(&self, record: &Record<Member>, member: &Member, now: DateTime<Utc>) -> bool {
        let age = now - record.checked;
        !record.left && record.member == *member && TimeDelta::zero() <= age && age < self.lifetime / 8
    }

    async fn read(&self, path: &BlobPath) -> Result<Option<Record<Member>>, BoxError> {
        let stored = self.store.get(path).await?;
        stored.map(|blob| Record::read(path, &blob)).transpose()
    }
}

impl<Member: Vouched> Record<Member> {
    fn read(path: &BlobPath, blob: &Blob) -> Result<Self, BoxError> {
        serde_json::from_slice(&blob.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!(
                "{path} holds no record of a user: unexpected JSON at line {line}, column {column}; remove it"
            )
            .into()
        })
    }

    fn write(&self) -> Result<Bytes, BoxError> {
        Ok(serde_json::to_vec_pretty(self)?.into())
    }
}
