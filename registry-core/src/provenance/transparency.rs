//! Whether a transparency log has an entry, and since when.

use chrono::{DateTime, Utc};
use serde_json::json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::provenance::ProvenanceError;

use super::bundle::{InclusionProof, LogEntry};
use super::checkpoint::ParsedCheckpoint;
use super::merkle::root_of;
use super::trusted_root::Log;

/// The log that took an entry, and when, if it signed that.
pub(super) type Logged<'a> = (&'a Log, Option<DateTime<Utc>>);

impl LogEntry {
    /// Verifies that a log of the trust root has the entry. Returns the log, and when it took the entry, if it signed that;
    /// `None` if the entry is of another log.
    pub(super) fn verify<'a>(&self, logs: &'a [Log]) -> Result<Option<Logged<'a>>, ProvenanceError> {
        let Some(log) = logs.iter().find(|log| log.id == self.log_id.key_id.0) else { return Ok(None) };
        let time = self.promised_time(log)?;
        let proof = self.inclusion_proof.as_ref().filter(|proof| proof.checkpoint.is_some());
        if let Some(proof) = proof {
            let checkpoint = proof.checked(&self.canonicalized_body.0).ok_or(ProvenanceError::Inclusion)?;
            if !checkpoint.is_signed_by(&log.key) {
                return Err(ProvenanceError::Inclusion);
            }
        } else if time.is_none() {
            return Err(ProvenanceError::Inclusion);
        }
        if time.is_some_and(|time| !log.valid_for.contains(time)) {
            return Err(ProvenanceError::NotLogged);
        }
        Ok(Some((log, time)))
    }

    /// Whether it has a proof with a checkpoint.
    pub(super) fn has_proof(&self) -> bool {
        self.inclusion_proof.as_ref().is_some_and(|proof| proof.checkpoint.is_some())
    }

    /// Verifies that the proof leads to the root that it names, by whatever key that is signed.
    pub(super) fn is_consistent(&self) -> bool {
        let proof = self.inclusion_proof.as_ref().filter(|proof| proof.checkpoint.is_some());
        proof.is_none_or(|proof| proof.checked(&self.canonicalized_body.0).is_some())
    }

    /// Returns the time that the log signed; `None` if it signed none.
    fn promised_time(&self, log: &Log) -> Result<Option<DateTime<Utc>>, ProvenanceError> {
        let Some(promise) = &self.inclusion_promise else { return Ok(None) };
        // The fields in the order of their names, as canonical JSON has them.
        let signed = json!({
            "body": STANDARD.encode(&self.canonicalized_body.0),
            "integratedTime": self.integrated_time.0,
            "logID": const_hex::encode(&self.log_id.key_id.0),
            "logIndex": self.log_index.0,
        });
        if !log.key.verifies(signed.to_string().as_bytes(), &promise.signed_entry_timestamp.0) {
            return Err(ProvenanceError::Inclusion);
        }
        let time = DateTime::from_timestamp(self.integrated_time.0, 0);
        time.map(Some).ok_or(ProvenanceError::Inclusion)
    }
}

impl InclusionProof {
    /// Returns the checkpoint, once the proof leads to its root.
    fn checked(&self, body: &[u8]) -> Option<ParsedCheckpoint<'_>> {
        let checkpoint = ParsedCheckpoint::parse(&self.checkpoint.as_ref()?.envelope)?;
        let (index, size) = (u64::try_from(self.log_index.0).ok()?, u64::try_from(self.tree_size.0).ok()?);
        let root = root_of(body, index, size, self.hashes.iter().map(|hash| &*hash.0))?;
        (checkpoint.size == size && checkpoint.root == root && self.root_hash.0 == root).then_some(checkpoint)
    }
}
