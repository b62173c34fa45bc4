use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::blob::{BlobPath, BlobStore, PutOutcome, When};
use crate::clock::Clock;
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
    pub(super) fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, lifetime: Duration) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        Self { store, clock, lifetime, members: PhantomData }
    }

    /// What is known of the name, if the service vouched for it lately enough.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Member>, BoxError> {
        let Some((record, _)) = self.read(&Member::path(name)?).await? else { return Ok(None) };
        let age = self.clock.now() - record.checked;
        Ok((!record.left && age < self.lifetime).then_some(record.member))
    }

    /// Whether somebody had the name before names were claimed, however long ago.
    pub(super) async fn had_name(&self, name: &str) -> Result<bool, BoxError> {
        let record = self.read(&Member::path(name)?).await?;
        Ok(record.is_some_and(|(record, _)| !record.needs_claim))
    }

    /// Keeps that the service vouched for somebody now. A record that says the same and is young is left as it is.
    pub(super) async fn keep(&self, member: &Member) -> Result<Remembered, BoxError> {
        let path = Member::path(member.name())?;
        loop {
            let now = self.clock.now();
            let (condition, needs_claim) = match self.read(&path).await? {
                None => (When::Absent, true),
                Some((record, _)) if !record.member.is(member) => return Ok(Remembered::NameOfAnother),
                Some((record, _)) if self.is_young(&record, member, now) => return Ok(Remembered::Kept),
                Some((record, condition)) => (condition, record.needs_claim),
            };
            let record = Record { member: member.clone(), checked: now, left: false, needs_claim };
            if self.write(&path, &record, condition).await? {
                return Ok(Remembered::Kept);
            }
        }
    }

    /// Keeps that somebody does not belong here any more, which ends the tokens that the registry made for them.
    #[cfg(feature = "github")]
    pub(super) async fn end(&self, member: &Member) -> Result<(), BoxError> {
        let path = Member::path(member.name())?;
        loop {
            match self.read(&path).await? {
                Some((record, condition)) if record.member.is(member) && !record.left => {
                    if self.write(&path, &Record { left: true, ..record }, condition).await? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Written anew, it would say nothing that is worth a write.
    fn is_young(&self, record: &Record<Member>, member: &Member, now: DateTime<Utc>) -> bool {
        let age = now - record.checked;
        !record.left && record.member == *member && TimeDelta::zero() <= age && age < self.lifetime / 8
    }

    async fn read(&self, path: &BlobPath) -> Result<Option<(Record<Member>, When)>, BoxError> {
        let Some(blob) = self.store.get(path).await? else { return Ok(None) };
        let record = serde_json::from_slice(&blob.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!(
                "{path} holds no record of a user: unexpected JSON at line {line}, column {column}; remove it"
            )
        })?;
        Ok(Some((record, When::Matches(blob.etag))))
    }

    /// Whether nobody else wrote meanwhile.
    async fn write(
        &self,
        path: &BlobPath,
        record: &Record<Member>,
        condition: When,
    ) -> Result<bool, BoxError> {
        let json = serde_json::to_vec_pretty(record)?;
        Ok(matches!(self.store.put(path, json.into(), condition).await?, PutOutcome::Stored(_)))
    }
}
