use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;

use crate::Error;
use crate::authorization::Authorization;
use crate::changes::lease::Leased;
use crate::changes::sinks::is_refusal;
use crate::concurrency::RetrySchedule;
use crate::error::AccountError;
use crate::events::Event;
use crate::storage::Key;

use super::post::HookOutcome;
use super::record::HookRecord;
use super::state::HookState;
use super::{Hooks, HooksParts};

/// How often a replica looks for what other replicas left behind, and for hooks whose pause is over.
const POLL: Duration = Duration::from_secs(5);

/// What is to be done with a change after an attempt.
enum Verdict {
    /// The endpoint accepted it, or gets nothing of it, or it is given up.
    Done,
    /// The endpoint refuses it: changes of its package wait.
    Refused,
    /// The endpoint takes nothing: all changes wait.
    Failed,
}

/// Starts the task that delivers to hooks. It ends with the registry.
pub(crate) fn start(parts: &Arc<HooksParts>, authorization: &Authorization) {
    let (dispatch, weak) = (Arc::clone(&parts.dispatch), Arc::downgrade(parts));
    let authorization = authorization.clone();
    tokio::spawn(async move {
        let mut polls = tokio::time::interval(POLL);
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_announced = tokio::select! {
                () = dispatch.announced() => true,
                _ = polls.tick() => false,
            };
            let Some(parts) = weak.upgrade() else { return };
            let hooks = Hooks::new(&parts, &authorization);
            // The tasks run on: a slow hook delays no other.
            hooks.spawn_announced();
            if is_announced {
                continue;
            }
            if let Err(error) = hooks.spawn_deliveries().await {
                tracing::warn!(%error, "cannot read what waits for hooks; trying again");
            }
        }
    });
}

impl Hooks {
    /// Delivers to each hook until it has all, or fails.
    pub(crate) async fn deliver(&self) {
        match self.spawn_deliveries().await {
            Ok(()) => self.parts.dispatch.wait().await,
            Err(error) => tracing::warn!(%error, "cannot read what waits for hooks"),
        }
    }

    /// Starts a task for each hook that got a change in this process, without asking the store.
    fn spawn_announced(&self) {
        for id in self.parts.dispatch.take_ready() {
            self.spawn(&id, true);
        }
    }

    /// Starts a task for each hook that something waits for.
    async fn spawn_deliveries(&self) -> Result<(), Error> {
        // The names alone: a dead hook may have a marker for each change of a day.
        for id in self.parts.store.list_folders(&Key::hook_deliveries()?).await? {
            self.spawn(&id, false);
        }
        Ok(())
    }

    /// Starts a task for a hook, unless it has one, or is known to be paused.
    fn spawn(&self, id: &str, has_news: bool) {
        let dispatch = &self.parts.dispatch;
        if !dispatch.is_paused(id, self.parts.clock.now(), has_news) && dispatch.begin(id, has_news) {
            tokio::spawn(deliver_and_forget(self.clone(), id.to_owned()));
        }
    }

    /// Returns the numbers of the changes that wait for a hook.
    pub(super) async fn waiting_for(&self, id: &str) -> Result<Vec<u64>, Error> {
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
        let state = self.state(id).await?;
        if self.is_at_rest(id, &state).await? {
            return Ok(());
        }
        let dispatch = Arc::clone(&self.parts.dispatch);
        let _turn = if state.failing.is_some() { dispatch.failing_turn().await } else { None };
        let Some(mut leased) = self.lease(id).await? else { return Ok(()) };
        let delivered = self.deliver_leased(id, &record, &mut leased).await;
        if let Some(until) = leased.document.paused_until(self.parts.clock.now()) {
            dispatch.pause(id, self.parts.clock.now(), until, true);
        }
        leased.release(&self.parts.store).await?;
        delivered
    }

    /// Whether nothing can be posted to a hook now, which this process then remembers.
    async fn is_at_rest(&self, id: &str, state: &HookState) -> Result<bool, Error> {
        let (dispatch, now) = (&self.parts.dispatch, self.parts.clock.now());
        if let Some(until) = state.paused_until(now) {
            dispatch.pause(id, now, until, true);
            return Ok(true);
        }
        let Some(next) = state.refusals.next() else { return Ok(false) };
        let is_at_rest = !state.can_post(&self.waiting_for(id).await?, now);
        if is_at_rest {
            dispatch.pause(id, now, next, false);
        }
        Ok(is_at_rest)
    }

    async fn deliver_leased(
        &self,
        id: &str,
        record: &HookRecord,
        leased: &mut Leased<HookState>,
    ) -> Result<(), Error> {
        let mut looked_at = Vec::new();
        loop {
            // The lease comes first: what was listed before it may be delivered by now.
            let waiting = self.waiting_for(id).await?;
            // What still waits after a round has to wait for a refused change.
            if waiting == looked_at || !leased.document.can_post(&waiting, self.parts.clock.now()) {
                return Ok(());
            }
            for seq in &waiting {
                if !self.deliver_change(id, record, leased, *seq).await? {
                    return Ok(());
                }
            }
            looked_at = waiting;
        }
    }

    /// Posts a change, unless it has to wait for a refused one of its package. Returns whether to go on.
    async fn deliver_change(
        &self,
        id: &str,
        record: &HookRecord,
        leased: &mut Leased<HookState>,
        seq: u64,
    ) -> Result<bool, Error> {
        let refusals = &mut leased.document.refusals;
        let refused = refusals.subject_of(seq);
        let waits = match &refused {
            Some(subject) => !refusals.is_due(subject, self.parts.clock.now()),
            None => refusals.has(seq),
        };
        if waits {
            return Ok(true);
        }
        // It is gone if the feed no longer keeps it.
        let event = self.parts.changes.event_at(seq).await?;
        let subject = event.as_ref().and_then(|event| event.package.as_ref()).map(ToString::to_string);
        if let Some(subject) = subject.as_ref().filter(|subject| refused.is_none() && refusals.holds(subject))
        {
            if refusals.has_room(subject) {
                refusals.hold(subject, seq);
            }
            return Ok(true);
        }
        let outcome = match event {
            Some(event) => match self.attempt_leased(id, record, leased, event).await? {
                Some(outcome) => outcome,
                None => return Ok(false),
            },
            None => HookOutcome::NotForIt,
        };
        let subject = subject.unwrap_or_default();
        let verdict = self.judge(id, seq, &subject, &mut leased.document, outcome);
        let refusals = &mut leased.document.refusals;
        // Unless it was given up, and is no longer there.
        let refused = refusals.subject_of(seq).filter(|_| matches!(verdict, Verdict::Done));
        if let Some(subject) = refused {
            refusals.settle(&subject, self.parts.clock.now());
        }
        // Before the marker goes, so that another replica does not find it without the outcome.
        let is_ours = leased.save(&self.parts.store, self.parts.clock.now()).await?;
        if matches!(verdict, Verdict::Done) {
            self.drop_marker(id, seq).await?;
        }
        Ok(is_ours && !matches!(verdict, Verdict::Failed))
    }

    /// Attempts a delivery and keeps the lease meanwhile; `None` if the account is gone, with all its hooks.
    async fn attempt_leased(
        &self,
        id: &str,
        record: &HookRecord,
        leased: &mut Leased<HookState>,
        event: Event,
    ) -> Result<Option<HookOutcome>, Error> {
        let attempt = self.attempt(id, record, event);
        match leased.hold(&self.parts.store, self.parts.clock.as_ref(), attempt).await? {
            Err(Error::Account(AccountError::NotFound { .. })) => {
                let account = &record.account;
                tracing::info!(hook = id, account, "removing the hooks of an account that is gone");
                self.remove_all_of(account).await?;
                Ok(None)
            }
            attempted => attempted.map(Some),
        }
    }

    /// Notes what came of an attempt.
    fn judge(
        &self,
        id: &str,
        change: u64,
        subject: &str,
        state: &mut HookState,
        outcome: HookOutcome,
    ) -> Verdict {
        let (now, limit) = (self.parts.clock.now(), self.parts.settings.give_up_after);
        let (error, may_refuse) = match outcome {
            HookOutcome::NotForIt => return Verdict::Done,
            HookOutcome::Answered(status) => {
                state.called(now, Some(status));
                if status.is_success() {
                    return Verdict::Done;
                }
                (format!("the answer was {status}"), is_refusal(status) && state.refusals.has_room(subject))
            }
            HookOutcome::Failed(error) => {
                state.called(now, None);
                (error.to_string(), false)
            }
        };
        let is_last = if may_refuse {
            // The endpoint answered: the other changes need not wait.
            state.failing = None;
            state.refusals.refuse(subject, change, now, &error, Some(limit))
        } else {
            let failing = state.failing.get_or_insert_with(|| RetrySchedule::begin(now));
            failing.fail_again(now);
            failing.is_over(now, Some(limit))
        };
        tracing::info!(hook = id, change, subject, error, is_last, "a hook did not accept a change");
        if is_last {
            state.failing = None;
            state.given_up += 1;
            return Verdict::Done;
        }
        if may_refuse {
            return Verdict::Refused;
        }
        state.error = Some(error);
        Verdict::Failed
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
        self.hooks.parts.dispatch.end(&self.id);
    }
}

async fn deliver_and_forget(hooks: Hooks, id: String) {
    let task = UnderWay { hooks, id };
    if let Err(error) = task.hooks.deliver_to(&task.id).await {
        tracing::warn!(hook = task.id, %error, "cannot deliver to a hook; trying again");
    }
}
