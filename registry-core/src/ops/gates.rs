use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::domain::PackageName;

/// One gate for each key, which by default is a package: within this process, writers of one package take turns.
/// Without it they would all read, change and lose the compare-and-swap to one another. Correctness does not depend on
/// it.
#[derive(Debug)]
pub(crate) struct Gates<Key = PackageName>(Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>);

impl<Key> Default for Gates<Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Hash + Eq + Clone + Send + Sync> Gates<Key> {
    /// Waits for one's turn, first come, first served.
    pub(super) async fn pass(&self, name: &Key) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            gates.get(name).and_then(Weak::upgrade).unwrap_or_else(|| {
                gates.retain(|_, gate| gate.strong_count() > 0);
                let gate = Arc::default();
                gates.insert(name.clone(), Arc::downgrade(&gate));
                gate
            })
        };
        gate.lock_owned().await
    }
}
