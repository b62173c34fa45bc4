use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use registry_core::events::{Event, EventError, EventSink};
use registry_core::{Registry, RegistryBuilder};

use super::world::{Life, World};

/// A replica while it lives.
pub(super) struct Replica {
    pub(super) life: Life,
    pub(super) registry: Registry,
    is_alive: Arc<AtomicBool>,
}

impl Replica {
    /// A replica with nothing in memory, as after a start.
    pub(super) fn start(
        life: Life,
        is_alive: Arc<AtomicBool>,
        registry: RegistryBuilder,
        world: Arc<World>,
    ) -> Self {
        let sink = Listener { world, life, is_alive: Arc::clone(&is_alive) };
        let registry = registry.open_to_everyone().local_accounts().event_sink(Arc::new(sink)).build();
        let taking_over = registry.clone();
        tokio::spawn(async move {
            // Without a change feed there is nothing to take over. A store that fails here leaves it to others.
            let _ = taking_over.recover_changes().await;
        });
        Self { life, registry, is_alive }
    }

    /// From now on nothing of this life reaches the store or a sink.
    pub(super) fn crash(&self) {
        self.is_alive.store(false, Ordering::Relaxed);
    }
}

/// Notes what one life of a replica tells.
#[derive(Debug)]
pub(super) struct Listener {
    world: Arc<World>,
    life: Life,
    is_alive: Arc<AtomicBool>,
}

impl Listener {
    /// Notes what a store tells in place of a replica.
    pub(super) fn of_the_store(world: Arc<World>) -> Self {
        Self { world, life: Life::NONE, is_alive: Arc::new(AtomicBool::new(true)) }
    }
}

#[async_trait]
impl EventSink for Listener {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        if self.is_alive.load(Ordering::Relaxed) {
            self.world.tell(self.life, events);
        }
        Ok(())
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "events of {}", self.life)
    }
}
