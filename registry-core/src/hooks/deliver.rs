use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::value::RawValue;
use sha2::Sha256;

use crate::Error;
use crate::authorization::Authorization;
use crate::changes::lease::Leased;
use crate::concurrency::RetrySchedule;
use crate::error::AccountError;
use crate::outbound::check_public;
use crate::storage::Key;
use crate::vocabulary::BoxError;

use super::payload::HookPayload;
use super::record::HookRecord;
use super::state::HookState;
use super::{Hooks, HooksParts};

/// How often a replica looks for what other replicas left behind, and for hooks whose pause is over.
const POLL: Duration = Duration::from_secs(5);
/// How long an endpoint may take to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

const SIGNATURE: HeaderName = HeaderName::from_static("x-npm-signature");

/// What came of a change that waited for a hook.
enum HookOutcome {
    /// The hook gets nothing of it.
    NotForIt,
    /// The endpoint answered.
    Answered(StatusCode),
    /// The endpoint did not answer, or was not asked.
    Failed(BoxError),
}

/// Starts the task that delivers to hooks. It ends with the registry.
pub(crate) fn start(parts: &Arc<HooksParts>, authorization: &Authorization) {
    let (wake, weak) = (Arc::clone(&parts.wake), Arc::downgrade(parts));
    let authorization = authorization.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            let Some(parts) = weak.upgrade() else { return };
            // The tasks run on: a slow hook delays no other.
            if let Err(error) = Hooks::new(&parts, &authorization).spawn_deliveries().await {
                tracing::warn!(%error, "cannot read what waits for hooks; trying again");
            }
        }
    });
}

impl Hooks {
    /// Delivers to each hook until it has all, or fails.
    pub(crate) async fn deliver(&self) {
        let mut under_way = self.parts.under_way.subscribe();
        match self.spawn_deliveries().await {
            Ok(()) => drop(under_way.wait_for(HashSet::is_empty).await),
            Err(error) => tracing::warn!(%error, "cannot read what waits for hooks"),
        }
    }

    /// Starts a task for each hook that something waits for, unless it has one.
    async fn spawn_deliveries(&self) -> Result<(), Error> {
        let found: Vec<_> = self.parts.store.list(&Key::hook_deliveries()?).try_collect().await?;
        let ids: BTreeSet<String> =
            found.iter().filter_map(|found| Some(Key::hook_delivery(&found.path)?.0)).collect();
        for id in ids {
            let mut is_free = false;
            self.parts.under_way.send_if_modified(|under_way| {
                is_free = under_way.insert(id.clone());
                is_free
            });
            if is_free {
                tokio::spawn(deliver_and_forget(self.clone(), id));
            }
        }
        Ok(())
    }

    /// Returns the numbers of the changes that wait for a hook.
    async fn waiting_for(&self, id: &str) -> Result<Vec<u64>, Error> {
        let found: Vec<_> = self.parts.store.list(&Key::hook_deliveries_to(id)?).try_collect().await?;
        Ok(found.iter().filter_map(|found| Some(Key::hook_delivery(&found.path)?.1)).collect())
    }

    async fn deliver_to(&self, id: &str) -> Result<(), Error> {
        let Some(record) = self.record(id).await? else {
            for seq in self.waiting_for(id).await? {
                self.drop_marker(id, seq).await?;
            }
            return Ok(());
        };
        let Some(mut leased) = self.lease(id).await? else { return Ok(()) };
        let delivered = self.deliver_leased(id, &record, &mut leased).await;
        leased.release(&self.parts.store).await?;
        delivered
    }

    async fn deliver_leased(
        &self,
        id: &str,
        record: &HookRecord,
        leased: &mut Leased<HookState>,
    ) -> Result<(), Error> {
        // The lease comes first: what was listed before it may be delivered by now.
        while let Some(seq) = self.waiting_for(id).await?.first().copied() {
            let attempt = self.attempt(id, record, seq);
            let outcome = match leased.hold(&self.parts.store, self.parts.clock.as_ref(), attempt).await? {
                Err(Error::Account(AccountError::NotFound { .. })) => {
                    tracing::info!(
                        hook = id,
                        account = record.account,
                        "removing the hooks of an account that is gone"
                    );
                    return self.remove_all_of(&record.account).await;
                }
                attempted => attempted?,
            };
            let now = self.parts.clock.now();
            let state = &mut leased.document;
            let failure = match outcome {
                HookOutcome::NotForIt => None,
                HookOutcome::Answered(status) => {
                    state.last_delivery = Some(now);
                    state.response_code = Some(status.as_u16());
                    (!status.is_success()).then(|| BoxError::from(format!("the answer was {status}")))
                }
                HookOutcome::Failed(error) => {
                    state.last_delivery = Some(now);
                    state.response_code = None;
                    Some(error)
                }
            };
            let is_done = match failure {
                None => {
                    state.delivered = true;
                    state.failing = None;
                    true
                }
                Some(error) => {
                    state.delivered = false;
                    let failing = state.failing.get_or_insert_with(|| RetrySchedule::begin(now));
                    failing.fail_again(now);
                    let is_last = failing.is_over(now, Some(self.parts.settings.give_up_after));
                    tracing::info!(hook = id, change = seq, %error, is_last, "a hook did not accept a change");
                    if is_last {
                        state.failing = None;
                    }
                    is_last
                }
            };
            // Before the marker goes, so that another replica does not find it without the outcome.
            let is_ours = leased.save(&self.parts.store, self.parts.clock.now()).await?;
            if is_done {
                self.drop_marker(id, seq).await?;
            }
            if !is_done || !is_ours {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Posts a change as the account may see it now.
    async fn attempt(&self, id: &str, record: &HookRecord, seq: u64) -> Result<HookOutcome, Error> {
        // It is gone if the feed no longer keeps it.
        let Some(event) = self.parts.changes.event_at(seq).await? else { return Ok(HookOutcome::NotForIt) };
        let base = &self.parts.public_url;
        let seen = self.packages().change_seen_by(&record.account, event, base).await?;
        let Some((event, packument)) = seen else { return Ok(HookOutcome::NotForIt) };
        let packument: Option<&RawValue> = match &packument {
            Some(json) => Some(serde_json::from_slice(json).map_err(Error::internal)?),
            None => None,
        };
        let Some(payload) = HookPayload::new(&record.account, &event, packument) else {
            return Ok(HookOutcome::NotForIt);
        };
        let body = serde_json::to_vec(&payload).map_err(Error::internal)?;
        Ok(self.post(id, record, body).await.map_or_else(HookOutcome::Failed, HookOutcome::Answered))
    }

    async fn post(&self, id: &str, record: &HookRecord, body: Vec<u8>) -> Result<StatusCode, BoxError> {
        let caller = &self.parts.caller;
        if !self.parts.settings.allow_private_addresses {
            check_public(&record.endpoint, &caller.proxies).await?;
        }
        let secret = self.parts.settings.key.open(id, &record.secret).ok_or(
            "its secret was encrypted with another key: restore the key in [hooks], or let the account update the hook",
        )?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
        mac.update(&body);
        let signature = format!("sha256={}", const_hex::encode(mac.finalize().into_bytes()));
        let request = caller.client.post(record.endpoint.clone());
        let request =
            request.header(CONTENT_TYPE, "application/json").header(SIGNATURE, signature).body(body);
        Ok(request.send().await.map_err(reqwest::Error::without_url)?.status())
    }

    async fn drop_marker(&self, id: &str, seq: u64) -> Result<(), Error> {
        Ok(self.parts.store.delete(&Key::HookDelivery(id, seq).path()?).await?)
    }
}

/// Lets the hook have another task once this one ends, however it ends.
struct UnderWay {
    hooks: Hooks,
    id: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.hooks.parts.under_way.send_modify(|under_way| {
            under_way.remove(&self.id);
        });
    }
}

async fn deliver_and_forget(hooks: Hooks, id: String) {
    let task = UnderWay { hooks, id };
    if let Err(error) = task.hooks.deliver_to(&task.id).await {
        tracing::warn!(hook = task.id, %error, "cannot deliver to a hook; trying again");
    }
}
