use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::storage::{Blob, BlobDecision, Key};

use super::Hooks;

/// How long a replica may deliver to a hook before another takes over. Renewed with each attempt.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The pause after the first failure. Each further pause doubles.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
/// The longest pause.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(30);

/// How the deliveries to a hook go, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct HookState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_delivery: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) response_code: Option<u16>,
    #[serde(default)]
    pub(super) delivered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<FailingHook>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<HookLease>,
}

/// The failures of the oldest change that the hook has not accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FailingHook {
    since: DateTime<Utc>,
    attempts: u32,
    next: DateTime<Utc>,
}

/// The right to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HookLease {
    holder: String,
    until: DateTime<Utc>,
}

/// A state with the right to deliver.
pub(super) struct LeasedHook {
    id: String,
    holder: String,
    pub(super) state: HookState,
}

impl HookState {
    pub(super) fn parse(blob: Option<&Blob>) -> Result<Self, Error> {
        let Some(blob) = blob else { return Ok(Self::default()) };
        serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(error.into()))
    }

    fn must_wait(&self, now: DateTime<Utc>) -> bool {
        let is_leased = self.lease.as_ref().is_some_and(|lease| lease.until > now);
        is_leased || self.failing.as_ref().is_some_and(|failing| failing.next > now)
    }

    /// Records a failed attempt. Returns whether it is the last one.
    pub(super) fn fail(&mut self, now: DateTime<Utc>, give_up_after: Duration) -> bool {
        let failing = self.failing.get_or_insert(FailingHook { since: now, attempts: 0, next: now });
        let pause = (FIRST_PAUSE * 2_i32.pow(failing.attempts.min(20))).min(LONGEST_PAUSE);
        failing.attempts = failing.attempts.saturating_add(1);
        failing.next = now + pause;
        let limit = TimeDelta::from_std(give_up_after).unwrap_or(TimeDelta::MAX);
        now - failing.since >= limit
    }
}

impl Hooks {
    pub(super) async fn state(&self, id: &str) -> Result<HookState, Error> {
        HookState::parse(self.parts.store.get(&Key::HookState(id).path()?).await?.as_ref())
    }

    /// Acquires the right to deliver; `None` if another replica has it, or after a failure.
    pub(super) async fn lease(&self, id: &str) -> Result<Option<LeasedHook>, Error> {
        let (holder, now) = (self.new_id(), self.parts.clock.now());
        let lease = HookLease { holder: holder.clone(), until: now + LEASE };
        let state = self
            .parts
            .store
            .update_with(&Key::HookState(id).path()?, |stored| -> Result<_, Error> {
                let mut state = HookState::parse(stored)?;
                if state.lease.as_ref() == Some(&lease) {
                    return Ok(BlobDecision::Keep(Some(state)));
                }
                if state.must_wait(now) {
                    return Ok(BlobDecision::Keep(None));
                }
                state.lease = Some(lease.clone());
                Ok(BlobDecision::Write(to_json(&state)?, Some(state)))
            })
            .await?;
        Ok(state.map(|state| LeasedHook { id: id.to_owned(), holder, state }))
    }

    /// Stores the state, and renews the right to deliver. Returns `false` if another replica has it.
    pub(super) async fn save(&self, leased: &mut LeasedHook) -> Result<bool, Error> {
        let until = self.parts.clock.now() + LEASE;
        let lease = HookLease { holder: leased.holder.clone(), until };
        self.store_state(leased, Some(lease)).await
    }

    /// Gives the right to deliver back.
    pub(super) async fn release(&self, mut leased: LeasedHook) -> Result<(), Error> {
        self.store_state(&mut leased, None).await.map(drop)
    }

    async fn store_state(&self, leased: &mut LeasedHook, lease: Option<HookLease>) -> Result<bool, Error> {
        leased.state.lease = lease;
        let (bytes, holder) = (to_json(&leased.state)?, &leased.holder);
        let path = Key::HookState(&leased.id).path()?;
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let stored = HookState::parse(stored)?;
            if stored.lease.is_none_or(|lease| lease.holder != *holder) {
                return Ok(BlobDecision::Keep(false));
            }
            Ok(BlobDecision::Write(bytes.clone(), true))
        };
        self.parts.store.update_with(&path, decide).await
    }

    /// Lets the next attempt be at once.
    pub(super) async fn forget_failures(&self, id: &str) -> Result<(), Error> {
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let mut state = HookState::parse(stored)?;
            if state.failing.take().is_none() {
                return Ok(BlobDecision::Keep(()));
            }
            Ok(BlobDecision::Write(to_json(&state)?, ()))
        };
        self.parts.store.update_with(&Key::HookState(id).path()?, decide).await
    }
}

fn to_json(state: &HookState) -> Result<bytes::Bytes, Error> {
    Ok(serde_json::to_vec(state).map_err(Error::internal)?.into())
}
