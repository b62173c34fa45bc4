use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// One async mutex per key. Holds an entry only while a task holds or awaits its lock.
///
/// Within this process it makes writers of one document wait for each other instead of losing the compare-and-swap to
/// each other. Correctness does not depend on it: other processes have their own.
#[derive(Debug)]
pub(crate) struct KeyedMutex<Key>(Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>);

impl<Key> Default for KeyedMutex<Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Hash + Eq + Clone + Send + Sync> KeyedMutex<Key> {
    /// Acquires the lock of `key`, first come, first served. Dropping the guard releases it.
    pub(crate) async fn lock(&self, key: &Key) -> OwnedMutexGuard<()> {
        let mutex = {
            let mut mutexes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            mutexes.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
                mutexes.retain(|_, mutex| mutex.strong_count() > 0);
                let mutex = Arc::default();
                mutexes.insert(key.clone(), Arc::downgrade(&mutex));
                mutex
            })
        };
        mutex.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_key_excludes_and_leaves_nothing_behind() {
        let mutex = KeyedMutex::<&str>::default();
        let held = mutex.lock(&"pear").await;
        let mut waiting = Box::pin(mutex.lock(&"pear"));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(mutex.lock(&"fig").now_or_never().is_some());
        drop(held);
        drop(waiting.await);
        drop(mutex.lock(&"fig").await);
        assert_eq!(mutex.0.lock().unwrap().len(), 1);
    }
}
