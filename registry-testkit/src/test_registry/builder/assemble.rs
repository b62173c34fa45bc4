use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use registry_core::RegistryBuilder;
use registry_core::auth::PasswordCost;
use registry_core::storage::{BlobStore, ObjectStoreBlobs};

use super::TestRegistryBuilder;
use crate::clock::FixedClock;
use crate::events::RecordedEvents;
use crate::faulty::Faulty;
use crate::test_registry::TestRegistry;

pub(super) fn local_accounts(registry: RegistryBuilder) -> RegistryBuilder {
    registry.local_accounts_with(|accounts| accounts.with_password_cost(PasswordCost::cheapest()))
}

impl TestRegistry {
    pub(super) fn assemble(
        settings: TestRegistryBuilder,
        memory: ObjectStoreBlobs,
        store: Arc<Faulty<ObjectStoreBlobs>>,
        clock: Arc<FixedClock>,
    ) -> Self {
        let events = RecordedEvents::default();
        let behind = Arc::new(memory.clone()) as Arc<dyn BlobStore>;
        // Backstage there are always accounts, so that `ana` can be signed up.
        let backstage = local_accounts(settings.configured(behind, Arc::clone(&clock))).build();
        let configured = settings.configured(Arc::clone(&store) as _, Arc::clone(&clock));
        let configured = settings.with_providers(configured).event_sink(Arc::new(events.clone()));
        let registry = settings.with_changes(configured).build();
        Self {
            registry,
            backstage,
            memory,
            store,
            clock,
            events,
            settings,
            tokens: Mutex::new(BTreeMap::new()),
        }
    }
}
