use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Lets those who want the same thing at the same time share the work, and gives nobody what was looked up before
/// they asked: whoever waits while a look is under way shares the next one, not that one.
#[derive(Debug)]
pub(super) struct Turns<Key, Value>(Mutex<HashMap<Key, Weak<Turn<Value>>>>);

/// What those who want one thing at one time have in common.
#[derive(Debug)]
struct Turn<Value> {
    begun: AtomicU64,
    /// The number of the look that found it, and what it found. Held weakly: the cache decides what is kept.
    found: tokio::sync::Mutex<(u64, Option<Weak<Value>>)>,
}

impl<Key, Value> Default for Turns<Key, Value> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Hash + Eq + Clone + Debug + Sync, Value: Send + Sync> Turns<Key, Value> {
    /// What `look` finds, or another's look that began after this call.
    pub(super) async fn take<Failure: Send>(
        &self,
        key: &Key,
        look: impl Future<Output = Result<Option<Arc<Value>>, Failure>> + Send,
    ) -> Result<Option<Arc<Value>>, Failure> {
        let turn = self.turn(key);
        let seen = turn.begun.load(Ordering::SeqCst);
        let mut last = turn.found.lock().await;
        if last.0 > seen {
            match last.1.as_ref().map(Weak::upgrade) {
                None => return Ok(None),
                Some(Some(value)) => return Ok(Some(value)),
                // Too large to be kept, and nobody holds it any more.
                Some(None) => {}
            }
        }
        let number = turn.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let value = look.await?;
        *last = (number, value.as_ref().map(Arc::downgrade));
        Ok(value)
    }

    fn turn(&self, key: &Key) -> Arc<Turn<Value>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = Arc::new(Turn { begun: AtomicU64::new(0), found: tokio::sync::Mutex::new((0, None)) });
            turns.insert(key.clone(), Arc::downgrade(&turn));
            turn
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_come_during_a_look_share_the_next() {
        let (turns, looks) = (Turns::<&str, usize>::default(), AtomicUsize::new(0));
        let (first_is_looking, go_on) = (Notify::new(), Notify::new());
        let look = || async {
            let number = looks.fetch_add(1, Ordering::SeqCst);
            if number == 0 {
                first_is_looking.notify_one();
                go_on.notified().await;
            }
            Ok::<_, ()>(Some(Arc::new(number)))
        };
        let first = turns.take(&"pear", look());
        let later = async {
            first_is_looking.notified().await;
            let later = join_all((0..20).map(|_| turns.take(&"pear", look())));
            futures::future::join(later, async {
                tokio::task::yield_now().await;
                go_on.notify_one();
            })
            .await
            .0
        };
        let (first, later) = futures::future::join(first, later).await;
        assert_eq!(first, Ok(Some(Arc::new(0))));
        assert!(later.iter().all(|found| *found == Ok(Some(Arc::new(1)))), "{later:?}");
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_look_that_fails_is_nobody_elses() {
        let turns = Turns::<&str, usize>::default();
        assert_eq!(turns.take(&"pear", async { Err("down") }).await, Err("down"));
        assert_eq!(turns.take(&"pear", async { Ok::<_, &str>(None) }).await, Ok(None));
    }
}
