use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

/// How many failing hooks are called at the same time. They share the store and the network with those that work.
const FAILING_AT_ONCE: usize = 16;
/// For how long a process relies on what it remembers of a hook, which another one may call or change.
const MEMORY: TimeDelta = TimeDelta::seconds(60);

/// What a process knows of the hooks that it delivers to: which have something new, and which need not be looked at.
#[derive(Debug)]
pub(crate) struct Dispatch {
    wake: Notify,
    /// The hooks that got a marker since the last look.
    ready: Mutex<BTreeSet<String>>,
    paused: Mutex<HashMap<String, Pause>>,
    /// The hooks that have a task.
    under_way: watch::Sender<HashSet<String>>,
    failing: Semaphore,
}

/// Until when a hook is not looked at.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: DateTime<Utc>,
    /// Whether a new change does not end it.
    is_whole: bool,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            wake: Notify::new(),
            ready: Mutex::default(),
            paused: Mutex::default(),
            under_way: watch::Sender::default(),
            failing: Semaphore::new(FAILING_AT_ONCE),
        }
    }
}

impl Dispatch {
    /// Tells that a hook has a new marker.
    pub(super) fn announce(&self, id: &str) {
        lock(&self.ready).insert(id.to_owned());
        self.wake.notify_one();
    }

    /// Waits until a hook has a new marker.
    pub(super) async fn announced(&self) {
        self.wake.notified().await;
    }

    /// Returns the hooks that got a marker since the last call.
    pub(super) fn take_ready(&self) -> BTreeSet<String> {
        std::mem::take(&mut *lock(&self.ready))
    }

    /// Forgets that a hook is paused.
    pub(super) fn resume(&self, id: &str) {
        lock(&self.paused).remove(id);
        self.announce(id);
    }

    /// Remembers that a hook need not be looked at. `is_whole` says that a new change does not end the pause.
    pub(super) fn pause(&self, id: &str, now: DateTime<Utc>, until: DateTime<Utc>, is_whole: bool) {
        let mut paused = lock(&self.paused);
        // What is over is forgotten here, so that hooks that are gone leave nothing behind.
        paused.retain(|_, pause| pause.until > now);
        paused.insert(id.to_owned(), Pause { until: until.min(now + MEMORY), is_whole });
    }

    /// Whether a hook need not be looked at. `has_news` says that it got a marker.
    pub(super) fn is_paused(&self, id: &str, now: DateTime<Utc>, has_news: bool) -> bool {
        let paused = lock(&self.paused).get(id).copied();
        paused.is_some_and(|pause| pause.until > now && (pause.is_whole || !has_news))
    }

    /// Returns the right to run a task for a hook, unless it has one. If it got a marker, it is looked at again after that.
    pub(super) fn begin(&self, id: &str, has_news: bool) -> bool {
        let is_free = self.under_way.send_if_modified(|under_way| under_way.insert(id.to_owned()));
        if !is_free && has_news {
            lock(&self.ready).insert(id.to_owned());
        }
        is_free
    }

    /// Gives the right back.
    pub(super) fn end(&self, id: &str) {
        self.under_way.send_if_modified(|under_way| under_way.remove(id));
        if lock(&self.ready).contains(id) {
            self.wake.notify_one();
        }
    }

    /// Waits until no hook has a task.
    pub(super) async fn wait(&self) {
        let mut under_way = self.under_way.subscribe();
        drop(under_way.wait_for(HashSet::is_empty).await);
    }

    /// Waits for its turn among the hooks that fail.
    pub(super) async fn failing_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.failing.acquire().await.ok()
    }
}

fn lock<Value>(mutex: &Mutex<Value>) -> MutexGuard<'_, Value> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn a_hook_that_got_a_change_while_its_task_ran_is_looked_at_again() {
        let dispatch = Dispatch::default();
        assert!(dispatch.begin("one", true) && !dispatch.begin("one", false));
        dispatch.end("one");
        assert!(dispatch.take_ready().is_empty());
        assert!(dispatch.begin("one", true) && !dispatch.begin("one", true));
        dispatch.end("one");
        assert_eq!(dispatch.take_ready(), BTreeSet::from(["one".to_owned()]));
    }

    #[test]
    fn news_end_the_pause_after_a_refusal_and_not_the_one_after_a_failure() {
        let dispatch = Dispatch::default();
        let later = NOW + TimeDelta::seconds(30);
        dispatch.pause("dead", NOW, later, true);
        dispatch.pause("choosy", NOW, later, false);
        assert!(dispatch.is_paused("dead", NOW, true) && dispatch.is_paused("choosy", NOW, false));
        assert!(!dispatch.is_paused("choosy", NOW, true) && !dispatch.is_paused("dead", later, false));
        dispatch.resume("dead");
        assert!(!dispatch.is_paused("dead", NOW, false));
    }
}
