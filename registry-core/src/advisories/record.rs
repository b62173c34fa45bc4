use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Error;
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::storage::Blob;

use super::collect::AdvisoryCounts;
use super::keys::{AdvisoryKey, AdvisoryKeyList};

/// The format of the record and of the dump.
const FORMAT: u32 = 1;
/// What stands before the payload in the signed message, so that no signature of anything else fits.
const CONTEXT: &str = "advisories of a registry\n";
/// The most advisories of administrators.
const MOST_OWN: usize = 5000;
/// The largest advisory of administrators in bytes.
pub(super) const LARGEST_OWN: usize = 64 << 10;
/// The most removed advisories that are remembered.
const REMEMBERED: usize = 1000;

/// The record, as it is stored: what it says, and the signature of that.
#[derive(Serialize, Deserialize)]
struct SignedRecord {
    payload: String,
    keyid: String,
    sig: String,
}

/// What advisories there are.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct AdvisoryRecord {
    format: u32,
    signed: DateTime<Utc>,
    pub(super) dump: Option<DumpRecord>,
    /// Those that administrators added.
    #[serde(default)]
    pub(super) own: Vec<OwnAdvisory>,
    /// The latest of these that were removed: documents of their packages changed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<RemovedAdvisory>,
}

/// The dump of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DumpRecord {
    /// The SHA-256 of the object.
    pub(super) digest: String,
    /// Its bytes when it is decompressed.
    pub(super) inflated: u64,
    pub(super) updated: DateTime<Utc>,
    /// Where it came from, for operators.
    pub(super) source: String,
    pub(super) counts: AdvisoryCounts,
    pub(super) packages: u64,
    /// When the newest advisory was changed, by its database.
    pub(super) newest: Option<String>,
}

/// An advisory of administrators, in OSV's format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OwnAdvisory {
    pub(crate) id: String,
    pub(super) added: DateTime<Utc>,
    pub(super) osv: Box<RawValue>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RemovedAdvisory {
    pub(super) package: PackageName,
    pub(super) at: DateTime<Utc>,
}

impl AdvisoryRecord {
    /// Reads a record that a key of the registry signed. Nothing else counts.
    pub(super) fn read(stored: &Blob, keys: &AdvisoryKeyList) -> Result<Self, Error> {
        let damaged =
            |source: crate::error::BoxError| Error::Policy(PolicyError::AdvisoriesUnreadable { source });
        let signed: SignedRecord =
            serde_json::from_slice(&stored.bytes).map_err(|error| damaged(error.into()))?;
        let record: Self = serde_json::from_str(&signed.payload).map_err(|error| damaged(error.into()))?;
        let message = [CONTEXT.as_bytes(), signed.payload.as_bytes()].concat();
        if !keys.verify(&signed.keyid, &signed.sig, &message, record.signed) {
            return Err(damaged("no key of this registry signed the record".into()));
        }
        if record.format != FORMAT {
            return Err(damaged(
                format!("the record has the format {}, of a later release", record.format).into(),
            ));
        }
        Ok(record)
    }

    /// Reads the record to change it; an empty one where there is none.
    pub(super) fn read_or_begin(stored: Option<&Blob>, keys: &AdvisoryKeyList) -> Result<Self, Error> {
        stored.map_or_else(|| Ok(Self::default()), |stored| Self::read(stored, keys))
    }

    pub(super) fn write(&mut self, key: &AdvisoryKey, now: DateTime<Utc>) -> Result<Bytes, Error> {
        (self.format, self.signed) = (FORMAT, now);
        let payload = serde_json::to_string(self).map_err(Error::internal)?;
        let (keyid, sig) = key.sign(&[CONTEXT.as_bytes(), payload.as_bytes()].concat())?;
        serde_json::to_vec(&SignedRecord { payload, keyid, sig }).map(Into::into).map_err(Error::internal)
    }

    /// Adds an advisory, or replaces the one of the same id. `packages` are those that the replaced one names.
    pub(super) fn add(
        &mut self,
        advisory: OwnAdvisory,
        now: DateTime<Utc>,
        packages: &[PackageName],
    ) -> Result<(), Error> {
        self.remember(packages, now);
        self.own.retain(|known| known.id != advisory.id);
        if self.own.len() >= MOST_OWN {
            return Err(Error::request(format!(
                "there are {MOST_OWN} advisories of this registry: remove some, or put them into the database"
            )));
        }
        self.own.push(advisory);
        Ok(())
    }

    /// Remembers that advisories for packages were removed.
    pub(super) fn remember(&mut self, packages: &[PackageName], now: DateTime<Utc>) {
        self.removed.retain(|removed| !packages.contains(&removed.package));
        self.removed
            .extend(packages.iter().map(|package| RemovedAdvisory { package: package.clone(), at: now }));
        let old = self.removed.len().saturating_sub(REMEMBERED);
        self.removed.drain(..old);
    }
}
