use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::concurrency::RetrySchedule;
use crate::events::EventError;
use crate::storage::{Blob, Storage};

use super::super::Shared;
use super::super::head::damaged;
use super::super::lease::{Lease, Leased, LeasedDocument};
use super::super::refusals::Refusals;
use super::path_of;

/// The most bytes of an error that are remembered.
const LONGEST_ERROR: usize = 500;

/// How far the delivery to a sink has come, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The number of the last change that was delivered, refused, or given up.
    pub(super) delivered: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
    /// Changes up to `delivered` that the sink refuses, and those that wait for them.
    #[serde(default, skip_serializing_if = "Refusals::is_empty")]
    pub(super) refusals: Refusals,
    #[serde(default)]
    pub(super) given_up: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
    /// Whether the store has one.
    #[serde(skip)]
    is_stored: bool,
}

/// The failures of the change after the last delivered one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failing {
    #[serde(flatten)]
    pub(super) schedule: RetrySchedule,
    pub(super) error: String,
}

impl LeasedDocument for Cursor {
    fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    fn set_lease(&mut self, lease: Option<Lease>) {
        self.lease = lease;
    }

    fn next_attempt(&self) -> Option<DateTime<Utc>> {
        self.failing.as_ref().map(|failing| failing.schedule.next)
    }
}

impl Cursor {
    /// Returns the stored cursor. A sink that the store does not know begins with the first change that this process
    /// may make.
    pub(super) async fn read(shared: &Shared, name: &str) -> Result<Self, Error> {
        let found = shared.store.get_proven(&path_of(name)?).await?;
        Self::parse(found.as_ref(), shared.begun_at().await?)
    }

    /// Returns the cursor of a sink that the store knows.
    pub(super) async fn read_stored(store: &Storage, name: &str) -> Result<Option<Self>, Error> {
        let found = store.get_proven(&path_of(name)?).await?;
        found.map(|blob| Self::parse(Some(&blob), 0)).transpose()
    }

    fn parse(blob: Option<&Blob>, begun_at: u64) -> Result<Self, Error> {
        let Some(blob) = blob else { return Ok(Self { delivered: begun_at, ..Self::default() }) };
        let cursor: Self = serde_json::from_slice(&blob.bytes).map_err(damaged)?;
        Ok(Self { is_stored: true, ..cursor })
    }

    /// Returns the time until a refused change is due.
    pub(super) fn until_next_refused(&self, now: DateTime<Utc>) -> Option<Duration> {
        self.refusals.next().map(|next| (next - now).to_std().unwrap_or_default())
    }

    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Acquires the right to deliver; `None` if another replica was faster.
    pub(super) async fn lease_of(shared: &Shared, name: &str) -> Result<Option<Leased<Self>>, Error> {
        let (now, begun_at) = (shared.now(), shared.begun_at().await?);
        let parse = move |stored: Option<&Blob>| Self::parse(stored, begun_at);
        Leased::acquire(&shared.store, path_of(name)?, shared.new_id(), now, parse).await
    }
}

impl Failing {
    pub(super) fn begin(now: DateTime<Utc>, error: &EventError) -> Self {
        Self { schedule: RetrySchedule::begin(now), error: shown(error) }
    }

    pub(super) fn fail_again(&mut self, now: DateTime<Utc>, error: &EventError) {
        self.schedule.fail_again(now);
        self.error = shown(error);
    }
}

pub(super) fn shown(error: &EventError) -> String {
    let text = error.source.to_string();
    text.chars().take(LONGEST_ERROR).collect()
}
