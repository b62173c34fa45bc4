use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::{Blob, BlobDecision, BlobPath, BlobStore, update_with};
use crate::vocabulary::BoxError;

/// Makes a provider whose settings are checked already, with the store, the clock and the randomness of a registry.
pub(super) type MakeProvider<Provider> =
    Box<dyn FnOnce(Arc<dyn BlobStore>, Arc<dyn Clock>, Arc<dyn Randomness>) -> Provider + Send + Sync>;

/// An account of another service.
pub(super) trait ExternalIdentity:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync
{
    /// Returns its name here.
    fn name(&self) -> &str;

    /// Returns whether both are the same account of the service, even under different names.
    fn is(&self, other: &Self) -> bool;

    /// Returns the path of the record of a name.
    fn path(name: &str) -> Result<BlobPath, BoxError>;
}

/// Stored records of admitted accounts. Tokens of the registry carry no credential that the service could check, so
/// these records answer for them.
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
    /// When the service last vouched for the account.
    checked: DateTime<Utc>,
    /// The service has since reported that the account no longer belongs here.
    left: bool,
    /// Whether the name counts only if the registry claimed it for the account, as for all records since names are
    /// claimed. For an older record, the record itself is the only proof of ownership.
    #[serde(default)]
    needs_claim: bool,
}

/// The result of storing an account under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remembered {
    Kept,
    /// The name belonged to another account when it was first seen here.
    NameOfAnother,
}

impl<Member: ExternalIdentity> Records<Member> {
    pub(super) fn new(
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        lifetime: Duration,
    ) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        Self { store, clock, randomness, lifetime, members: PhantomData }
    }

    /// Returns the account of a name, if the service vouched for it recently enough.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Member>, BoxError> {
        let Some(record) = self.read(&Member::path(name)?).await? else { return Ok(None) };
        let age = self.clock.now() - record.checked;
        Ok((!record.left && age < self.lifetime).then_some(record.member))
    }

    /// Returns whether an account had the name before names were claimed, however long ago.
    pub(super) async fn had_name(&self, name: &str) -> Result<bool, BoxError> {
        let record = self.read(&Member::path(name)?).await?;
        Ok(record.is_some_and(|record| !record.needs_claim))
    }

    /// Stores that the service vouches for an account now. An equal and recent record is not written again.
    pub(super) async fn keep(&self, member: &Member) -> Result<Remembered, BoxError> {
        let path = Member::path(member.name())?;
        let kept = update_with(&*self.store, &*self.randomness, &path, |stored| {
            let now = self.clock.now();
            let record = stored.map(|blob| Record::<Member>::read(&path, blob)).transpose()?;
            let needs_claim = match &record {
                None => true,
                Some(record) if !record.member.is(member) => {
                    return Ok(BlobDecision::Keep(Remembered::NameOfAnother));
                }
                Some(record) if self.is_young(record, member, now) => {
                    return Ok(BlobDecision::Keep(Remembered::Kept));
                }
                Some(record) => record.needs_claim,
            };
            let record = Record { member: member.clone(), checked: now, left: false, needs_claim };
            Ok::<_, BoxError>(BlobDecision::Write(record.write()?, Remembered::Kept))
        });
        kept.await
    }

    /// Stores that an account no longer belongs here, which revokes the tokens that the registry created for it.
    #[cfg(feature = "github")]
    pub(super) async fn end(&self, member: &Member) -> Result<(), BoxError> {
        let path = Member::path(member.name())?;
        let ended = update_with(&*self.store, &*self.randomness, &path, |stored| {
            let record = stored.map(|blob| Record::<Member>::read(&path, blob)).transpose()?;
            Ok::<_, BoxError>(match record {
                Some(record) if record.member.is(member) && !record.left => {
                    BlobDecision::Write(Record { left: true, ..record }.write()?, ())
                }
                _ => BlobDecision::Keep(()),
            })
        });
        ended.await
    }

    /// Returns whether a record is recent enough not to be written again.
    fn is_young(&self, record: &Record<Member>, member: &Member, now: DateTime<Utc>) -> bool {
        let age = now - record.checked;
        !record.left && record.member == *member && TimeDelta::zero() <= age && age < self.lifetime / 8
    }

    async fn read(&self, path: &BlobPath) -> Result<Option<Record<Member>>, BoxError> {
        let stored = self.store.get(path).await?;
        stored.map(|blob| Record::read(path, &blob)).transpose()
    }
}

impl<Member: ExternalIdentity> Record<Member> {
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
