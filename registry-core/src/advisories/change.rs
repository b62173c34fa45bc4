//! Changes by operators: a new dump, and advisories of their own.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::PackageName;
use crate::domain::shorten::shorten;
use crate::error::PolicyError;
use crate::storage::{Blob, BlobDecision, BlobStoreExt as _, Key};

use super::collect::{AdvisoryCounts, AdvisoryDump};
use super::keys::AdvisoryKeyList;
use super::news::{NewsOfPackage, PreparedAdvisory, PreparedDump};
use super::osv::{self, OsvError};
use super::record::{AdvisoryRecord, DumpRecord, LARGEST_OWN, OwnAdvisory};
use super::store::AdvisoryStore;

/// How old an object must be that no record names, before it is deleted: another process may be about to name it, or to read it.
const ORPHANED_AFTER: TimeDelta = TimeDelta::hours(1);

/// Which advisories a registry has.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AdvisoryStatus {
    /// The database; `None` if none was loaded.
    pub database: Option<AdvisoryDatabase>,
    /// The ids of the advisories that administrators added.
    pub own: Vec<String>,
}

/// The advisories of a database that were loaded.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AdvisoryDatabase {
    /// When they were loaded.
    pub updated: DateTime<Utc>,
    /// Where they came from.
    pub source: String,
    /// What was read.
    pub counts: AdvisoryCounts,
    /// The number of packages that they name.
    pub packages: u64,
    /// When the newest of them was changed, by its database.
    pub newest: Option<String>,
    /// The SHA-256 of the stored object.
    pub digest: String,
}

impl From<DumpRecord> for AdvisoryDatabase {
    fn from(record: DumpRecord) -> Self {
        let DumpRecord { digest, inflated: _, updated, source, counts, packages, newest } = record;
        Self { updated, source, counts, packages, newest, digest }
    }
}

impl AdvisoryStore {
    /// Returns which advisories there are; `None` if there never were any.
    pub(crate) async fn status(&self) -> Result<Option<AdvisoryStatus>, Error> {
        let index = self.index().await?;
        Ok(index.map(|index| AdvisoryStatus {
            database: index.dump_record.clone().map(AdvisoryDatabase::from),
            own: index.own_ids.clone(),
        }))
    }

    /// Packs a dump to replace the stored one. Stores nothing. With `begin_anew`, a record that cannot be read is replaced, too.
    pub(crate) async fn prepare_dump(
        &self,
        dump: AdvisoryDump,
        source: &str,
        begin_anew: bool,
    ) -> Result<PreparedDump, Error> {
        let now = self.clock.now();
        let key = self.keys.to_sign().await?;
        let keys = self.keys.to_verify().await?;
        let path = Key::AdvisoryRecord.path()?;
        let before = Self::read_record(self.store.get_proven(&path).await?.as_ref(), &keys, begin_anew)?;
        let before = match &before.dump {
            None => None,
            // It is replaced, and says only when packages changed.
            Some(before) => self.read_dump(before).await.ok().map(Arc::new),
        };
        let (counts, packages) = (dump.counts(), dump.packages() as u64);
        let newest = dump.newest().map(str::to_owned);
        let known = before.clone();
        let packed = compute_elsewhere(move || dump.pack(known.as_deref(), now)).await?;
        let packed = packed.map_err(Error::internal)?;
        let record = DumpRecord {
            digest: packed.digest,
            inflated: packed.inflated,
            updated: now,
            source: shorten(source).into_owned(),
            counts,
            packages,
            newest,
        };
        Ok(PreparedDump { bytes: packed.bytes.into(), record, before, key, begin_anew })
    }

    /// Replaces the dump. Advisories of administrators stay, unless the record cannot be read.
    pub(crate) async fn commit_dump(&self, prepared: PreparedDump) -> Result<AdvisoryDatabase, Error> {
        let PreparedDump { bytes, record, before: _, key, begin_anew } = prepared;
        let keys = self.keys.to_verify().await?;
        let object = Key::AdvisoryDump(&record.digest).path()?;
        self.store.blobs().put_content_addressed(&object, bytes).await?;
        let path = Key::AdvisoryRecord.path()?;
        let changed = self.store.update_with(&path, |stored: Option<&Blob>| {
            let mut known = Self::read_record(stored, &keys, begin_anew)?;
            known.dump = Some(record.clone());
            Ok::<_, Error>(BlobDecision::Write(known.write(&key, record.updated)?, ()))
        });
        let changed = changed.await;
        self.forget_when();
        changed?;
        if let Err(error) = self.remove_orphans(&record.digest).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old advisories were not deleted");
        }
        Ok(record.into())
    }

    fn read_record(
        stored: Option<&Blob>,
        keys: &AdvisoryKeyList,
        begin_anew: bool,
    ) -> Result<AdvisoryRecord, Error> {
        match AdvisoryRecord::read_or_begin(stored, keys) {
            Err(_) if begin_anew => Ok(AdvisoryRecord::default()),
            read => read,
        }
    }

    /// Deletes dumps that are no longer used, those of updates that broke off included.
    async fn remove_orphans(&self, current: &str) -> Result<(), Error> {
        let current = Key::AdvisoryDump(current).path()?;
        let now = self.clock.now();
        let listed: Vec<_> = self.store.list(&Key::advisory_dumps()?).try_collect().await?;
        for blob in listed {
            if blob.path != current && now - blob.last_modified > ORPHANED_AFTER {
                self.store.delete(&blob.path).await?;
            }
        }
        Ok(())
    }

    /// Reads an advisory of an administrator, in OSV's format.
    pub(crate) fn read_own(&self, json: &[u8]) -> Result<PreparedAdvisory, Error> {
        if json.len() > LARGEST_OWN {
            return Err(Error::request(format!(
                "the advisory is larger than {} KiB: shorten its details",
                LARGEST_OWN >> 10
            )));
        }
        let refuse = |error: &OsvError| Error::request(format!("the advisory is not taken: {error}"));
        let read = osv::read(json).map_err(|error| refuse(&error))?;
        let read = read.ok_or_else(|| {
            Error::request("the advisory was withdrawn: remove it with `advisories remove` instead")
        })?;
        if read.packages.is_empty() {
            return Err(Error::request(
                "the advisory names no package of npm that a registry can serve: write it into `affected`",
            ));
        }
        let osv: Box<RawValue> =
            serde_json::from_slice(json).map_err(|error| Error::request(error.to_string()))?;
        let own = OwnAdvisory { id: read.id, added: self.clock.now(), osv };
        let mut packages: Vec<NewsOfPackage> = Vec::new();
        for (name, advisory) in read.packages {
            match packages.iter_mut().find(|(known, _)| *known == name) {
                Some((_, advisories)) => advisories.push(advisory),
                None => packages.push((name, vec![advisory])),
            }
        }
        Ok(PreparedAdvisory { own, packages })
    }

    /// Adds an advisory of an administrator, or replaces the one of the same id.
    pub(crate) async fn add_own(&self, advisory: &OwnAdvisory) -> Result<(), Error> {
        self.change(advisory.added, |record| {
            let replaced = named_by(record, &advisory.id);
            record.add(advisory.clone(), advisory.added, &replaced)
        })
        .await
    }

    /// Removes an advisory of an administrator.
    pub(crate) async fn remove_own(&self, id: &str) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(now, |record| {
            if !record.own.iter().any(|known| known.id == id) {
                let id = shorten(id).into_owned();
                return Err(Error::Policy(PolicyError::NoSuchAdvisory { id }));
            }
            let removed = named_by(record, id);
            record.own.retain(|known| known.id != id);
            record.remember(&removed, now);
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        now: DateTime<Utc>,
        mut change: impl FnMut(&mut AdvisoryRecord) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        let key = self.keys.to_sign().await?;
        let keys = self.keys.to_verify().await?;
        let path = Key::AdvisoryRecord.path()?;
        let changed = self.store.update_with(&path, |stored: Option<&Blob>| {
            let mut record = AdvisoryRecord::read_or_begin(stored, &keys)?;
            change(&mut record)?;
            Ok::<_, Error>(BlobDecision::Write(record.write(&key, now)?, ()))
        });
        let changed = changed.await;
        self.forget_when();
        changed
    }
}

/// The packages that an advisory of administrators names.
fn named_by(record: &AdvisoryRecord, id: &str) -> Vec<PackageName> {
    let own = record.own.iter().filter(|known| known.id == id);
    let read = own.filter_map(|known| osv::read(known.osv.get().as_bytes()).ok().flatten());
    read.flat_map(|read| read.packages).map(|(name, _)| name).collect()
}
