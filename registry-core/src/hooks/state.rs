use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::changes::lease::{Lease, Leased, LeasedDocument, to_json};
use crate::changes::refusals::Refusals;
use crate::concurrency::RetrySchedule;
use crate::storage::{Blob, BlobDecision, Key, Storage};

use super::Hooks;

/// How the deliveries to a hook go, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct HookState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_delivery: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) response_code: Option<u16>,
    #[serde(default)]
    pub(super) delivered: bool,
    /// The failures of the endpoint as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<RetrySchedule>,
    /// What the last of them was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Changes that the endpoint refuses, and those that wait for them.
    #[serde(default, skip_serializing_if = "Refusals::is_empty")]
    pub(super) refusals: Refusals,
    /// How many changes were given up.
    #[serde(default)]
    pub(super) given_up: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
}

impl LeasedDocument for HookState {
    fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    fn set_lease(&mut self, lease: Option<Lease>) {
        self.lease = lease;
    }

    fn next_attempt(&self) -> Option<DateTime<Utc>> {
        self.failing.as_ref().map(|failing| failing.next)
    }
}

impl HookState {
    /// Notes that the endpoint was called, and what it answered.
    pub(super) fn called(&mut self, now: DateTime<Utc>, answer: Option<StatusCode>) {
        self.last_delivery = Some(now);
        self.response_code = answer.map(|status| status.as_u16());
        self.delivered = answer.is_some_and(|status| status.is_success());
        if self.delivered {
            (self.failing, self.error) = (None, None);
        }
    }

    /// Returns when the endpoint may be called again, if it failed.
    pub(super) fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.failing.as_ref().map(|failing| failing.next).filter(|next| *next > now)
    }

    /// Whether one of the changes that wait can be posted.
    pub(super) fn can_post(&self, waiting: &[u64], now: DateTime<Utc>) -> bool {
        self.refusals.due(now).is_some() || waiting.iter().any(|seq| !self.refusals.has(*seq))
    }

    /// Returns since when the endpoint fails or refuses a change, and the last error.
    pub(super) fn trouble(&self) -> Option<(DateTime<Utc>, &str)> {
        let refused = self.refusals.iter().map(|(_, refusal)| (refusal.since(), refusal.error()));
        let failing = self.failing.as_ref().map(|failing| failing.since);
        let failing = failing.map(|since| (since, self.error.as_deref().unwrap_or_default()));
        failing.or_else(|| refused.min_by_key(|(since, _)| *since))
    }

    pub(super) async fn read(store: &Storage, id: &str) -> Result<Self, Error> {
        Self::parse(store.get(&Key::HookState(id).path()?).await?.as_ref())
    }

    fn parse(blob: Option<&Blob>) -> Result<Self, Error> {
        let Some(blob) = blob else { return Ok(Self::default()) };
        serde_json::from_slice(&blob.bytes).map_err(|error| Error::Damaged(error.into()))
    }
}

impl Hooks {
    pub(super) async fn state(&self, id: &str) -> Result<HookState, Error> {
        HookState::read(&self.parts.store, id).await
    }

    /// Acquires the right to deliver; `None` if another replica has it, or after a failure.
    pub(super) async fn lease(&self, id: &str) -> Result<Option<Leased<HookState>>, Error> {
        let (path, now) = (Key::HookState(id).path()?, self.parts.clock.now());
        Leased::acquire(&self.parts.store, path, self.new_id(), now, HookState::parse).await
    }

    /// Lets the next attempt be at once.
    pub(super) async fn forget_failures(&self, id: &str) -> Result<(), Error> {
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let mut state = HookState::parse(stored)?;
            if state.failing.is_none() && state.refusals.is_empty() {
                return Ok(BlobDecision::Keep(()));
            }
            // What was refused waits by its marker.
            (state.failing, state.refusals) = (None, Refusals::default());
            Ok(BlobDecision::Write(to_json(&state)?, ()))
        };
        self.parts.store.update_with(&Key::HookState(id).path()?, decide).await
    }
}
