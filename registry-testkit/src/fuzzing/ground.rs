use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::TestRegistry;
use crate::publish_document::PublishDocument;

/// How many inputs one registry is given at most, so that what it counts in memory stays small.
const INPUTS: usize = 1000;

/// A registry with `pear` and `@acme/pear` in it, both of ana, that is given one input after the other. When one of them
/// changed what is stored, the next one gets another.
#[derive(Debug)]
pub struct Ground {
    runtime: Runtime,
    held: RefCell<Option<Held>>,
}

/// A registry, and what is stored in it.
#[derive(Debug)]
pub struct Held {
    /// The registry.
    pub registry: TestRegistry,
    pub(super) before: BTreeMap<String, Bytes>,
    inputs: usize,
    /// The folders of all packages that were asked about. What was begun for one input may end during another.
    pub(super) asked: Mutex<BTreeSet<String>>,
}

impl Ground {
    /// Nothing is made before it is needed.
    ///
    /// # Panics
    ///
    /// If no runtime can be started.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot start a runtime: {error}"));
        Self { runtime, held: RefCell::new(None) }
    }

    /// Gives the registry one input. If `work` panics, the next one gets another registry too.
    pub fn with(&self, work: impl AsyncFnOnce(&Held)) {
        let held = self.held.take();
        let held = self.runtime.block_on(async {
            let mut held = match held {
                Some(held) => held,
                None => Held::new().await,
            };
            work(&held).await;
            held.inputs += 1;
            let goes_on = held.inputs < INPUTS && !held.changed().await;
            goes_on.then_some(held)
        });
        self.held.replace(held);
    }
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}

impl Held {
    async fn new() -> Self {
        let registry = TestRegistry::new().await;
        for (name, version) in [("pear", "1.0.0"), ("pear", "1.1.0"), ("@acme/pear", "1.0.0")] {
            let _ = registry.ana().publish(&PublishDocument::new(name, version)).await.assert_status(201);
        }
        registry.registry().flush_events().await;
        registry.events().take();
        registry.store().take_calls();
        let before = stored(&registry).await;
        Self { registry, before, inputs: 0, asked: Mutex::default() }
    }

    /// Whether anything is stored that was not, or not any more.
    pub async fn changed(&self) -> bool {
        stored(&self.registry).await != self.before
    }

    /// The same, but for what is not of a package, such as accounts.
    pub async fn changed_packages(&self) -> bool {
        let packages = |stored: BTreeMap<String, Bytes>| -> Vec<_> {
            stored.into_iter().filter(|(key, _)| !key.starts_with('_')).collect()
        };
        packages(stored(&self.registry).await) != packages(self.before.clone())
    }
}

/// All that is stored but the index for searches, which follows by itself.
async fn stored(registry: &TestRegistry) -> BTreeMap<String, Bytes> {
    let mut stored = registry.stored().await;
    stored.retain(|key, _| !key.starts_with("_search/"));
    stored
}
