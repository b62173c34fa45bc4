use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Deduplicates concurrent lookups of one key. A caller never receives a result whose lookup began before the call:
/// callers that arrive during a lookup share the next one.
#[derive(Debug)]
pub(crate) struct SingleFlight<Key, Value>(Mutex<HashMap<Key, Weak<Flight<Value>>>>);

/// The state that concurrent callers of one key share.
#[derive(Debug)]
struct Flight<Value> {
    begun: AtomicU64,
    /// The number of the last successful lookup, and its result. They end with the last concurrent caller.
    found: tokio::sync::Mutex<(u64, Option<Arc<Value>>)>,
}

impl<Key, Value> Default for SingleFlight<Key, Value> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Hash + Eq + Clone + Debug + Sync, Value: Send + Sync> SingleFlight<Key, Value> {
    /// Runs `lookup`, or shares the result of another caller's lookup that began after this call. A failure is not
    /// shared: each waiting caller then runs its own lookup, one after the other.
    pub(crate) async fn run<Failure: Send>(
        &self,
        key: &Key,
        lookup: impl Future<Output = Result<Option<Arc<Value>>, Failure>> + Send,
    ) -> Result<Option<Arc<Value>>, Failure> {
        let flight = self.flight(key);
        let seen = flight.begun.load(Ordering::SeqCst);
        let mut last = flight.found.lock().await;
        if last.0 > seen {
            return Ok(last.1.clone());
        }
        let number = flight.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let value = lookup.await?;
        *last = (number, value.clone());
        Ok(value)
    }

    fn flight(&self, key: &Key) -> Arc<Flight<Value>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
            flights.retain(|_, flight| flight.strong_count() > 0);
            let flight =
                Arc::new(Flight { begun: AtomicU64::new(0), found: tokio::sync::Mutex::new((0, None)) });
            flights.insert(key.clone(), Arc::downgrade(&flight));
            flight
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
    async fn callers_that_arrive_during_a_lookup_share_the_next() {
        let (flights, lookups) = (SingleFlight::<&str, usize>::default(), AtomicUsize::new(0));
        let (first_has_begun, go_on) = (Notify::new(), Notify::new());
        let lookup = || async {
            let number = lookups.fetch_add(1, Ordering::SeqCst);
            if number == 0 {
                first_has_begun.notify_one();
                go_on.notified().await;
            }
            Ok::<_, ()>(Some(Arc::new(number)))
        };
        let first = flights.run(&"pear", lookup());
        let later = async {
            first_has_begun.notified().await;
            let later = join_all((0..20).map(|_| flights.run(&"pear", lookup())));
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
        assert_eq!(lookups.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_result_ends_with_its_last_caller() {
        let flights = SingleFlight::<&str, usize>::default();
        let found = flights.run(&"pear", async { Ok::<_, ()>(Some(Arc::new(1))) }).await;
        assert_eq!(found.unwrap().map(|value| Arc::strong_count(&value)), Some(1));
    }

    #[tokio::test]
    async fn a_failure_is_not_shared() {
        let flights = SingleFlight::<&str, usize>::default();
        assert_eq!(flights.run(&"pear", async { Err("down") }).await, Err("down"));
        assert_eq!(flights.run(&"pear", async { Ok::<_, &str>(None) }).await, Ok(None));
    }
}
