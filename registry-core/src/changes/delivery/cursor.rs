use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::events::EventError;
use crate::storage::{Blob, BlobDecision};

use super::super::Shared;
use super::super::head::damaged;
use super::{FIRST_PAUSE, LEASE, LONGEST_PAUSE, path_of};

/// The most bytes of an error that are remembered.
const LONGEST_ERROR: usize = 500;

/// How far the delivery to a sink has come, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The number of the last change that was delivered or given up.
    pub(super) delivered: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
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
    pub(super) since: DateTime<Utc>,
    attempts: u32,
    next: DateTime<Utc>,
    pub(super) error: String,
}

/// The right to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: String,
    until: DateTime<Utc>,
}

/// A cursor with the right to deliver.
#[derive(Debug)]
pub(super) struct Leased {
    name: String,
    holder: String,
    pub(super) cursor: Cursor,
}

impl Cursor {
    /// Returns the stored cursor. A sink that the store does not know begins with the first change that this process
    /// may make.
    pub(super) async fn read(shared: &Shared, name: &str) -> Result<Self, Error> {
        let found = shared.store.get_proven(&path_of(name)?).await?;
        Self::parse(found.as_ref(), shared.begun_at().await?)
    }

    fn parse(blob: Option<&Blob>, begun_at: u64) -> Result<Self, Error> {
        let Some(blob) = blob else { return Ok(Self { delivered: begun_at, ..Self::default() }) };
        let cursor: Self = serde_json::from_slice(&blob.bytes).map_err(damaged)?;
        Ok(Self { is_stored: true, ..cursor })
    }

    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Returns how long this replica must wait, for another one or after a failure.
    pub(super) fn pause(&self, now: DateTime<Utc>) -> Option<Duration> {
        let leased = self.lease.as_ref().map(|lease| lease.until);
        let failing = self.failing.as_ref().map(|failing| failing.next);
        let until = leased.max(failing).filter(|until| *until > now)?;
        (until - now).to_std().ok()
    }

    /// Acquires the right to deliver; `None` if another replica was faster.
    pub(super) async fn lease(self, shared: &Shared, name: &str) -> Result<Option<Leased>, Error> {
        let holder = shared.new_id();
        let (now, begun_at) = (shared.now(), shared.begun_at().await?);
        let lease = Lease { holder: holder.clone(), until: now + LEASE };
        let cursor = shared
            .store
            .update_with(&path_of(name)?, |stored| -> Result<_, Error> {
                let mut cursor = Self::parse(stored, begun_at)?;
                if cursor.lease.as_ref() == Some(&lease) {
                    return Ok(BlobDecision::Keep(Some(cursor)));
                }
                if cursor.pause(now).is_some() {
                    return Ok(BlobDecision::Keep(None));
                }
                cursor.lease = Some(lease.clone());
                Ok(BlobDecision::Write(to_json(&cursor)?, Some(cursor)))
            })
            .await?;
        Ok(cursor.map(|cursor| Leased { name: name.to_owned(), holder, cursor }))
    }
}

impl Leased {
    /// Stores how far the delivery has come, and renews the right to deliver. Returns `false` if another replica has it.
    pub(super) async fn save(&mut self, shared: &Shared) -> Result<bool, Error> {
        let lease = Lease { holder: self.holder.clone(), until: shared.now() + LEASE };
        self.store(shared, Some(lease)).await
    }

    /// Gives the right to deliver back.
    pub(super) async fn release(mut self, shared: &Shared) -> Result<(), Error> {
        self.store(shared, None).await.map(drop)
    }

    async fn store(&mut self, shared: &Shared, lease: Option<Lease>) -> Result<bool, Error> {
        self.cursor.lease = lease;
        let bytes = to_json(&self.cursor)?;
        let holder = &self.holder;
        let is_stored = shared
            .store
            .update_with(&path_of(&self.name)?, |stored| -> Result<_, Error> {
                let stored = Cursor::parse(stored, 0)?;
                if stored.lease.is_none_or(|lease| lease.holder != *holder) {
                    return Ok(BlobDecision::Keep(false));
                }
                Ok(BlobDecision::Write(bytes.clone(), true))
            })
            .await?;
        Ok(is_stored)
    }
}

impl Failing {
    pub(super) fn begin(now: DateTime<Utc>, error: &EventError) -> Self {
        Self { since: now, attempts: 0, next: now, error: shown(error) }
    }

    pub(super) fn fail_again(&mut self, now: DateTime<Utc>, error: &EventError) {
        let doublings = self.attempts.min(20);
        let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE);
        self.attempts = self.attempts.saturating_add(1);
        self.next = now + pause;
        self.error = shown(error);
    }

    pub(super) fn is_over(&self, now: DateTime<Utc>, give_up_after: Option<Duration>) -> bool {
        let limit = give_up_after.and_then(|limit| TimeDelta::from_std(limit).ok());
        limit.is_some_and(|limit| now - self.since >= limit)
    }

    pub(super) fn pause(&self, now: DateTime<Utc>) -> Duration {
        (self.next - now).to_std().unwrap_or_default()
    }
}

fn shown(error: &EventError) -> String {
    let text = error.source.to_string();
    text.chars().take(LONGEST_ERROR).collect()
}

fn to_json(cursor: &Cursor) -> Result<bytes::Bytes, Error> {
    Ok(serde_json::to_vec(cursor).map_err(Error::internal)?.into())
}
