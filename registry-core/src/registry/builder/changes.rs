use std::sync::Arc;

use crate::RegistryBuilder;
use crate::changes::{ChangeFeedSettings, ChangeSink, Delivery, DeliverySettings};

impl RegistryBuilder {
    /// Keeps a change feed in the store: every change of a package or an organization, in one order for all replicas.
    /// From then on no crash loses the event of a change. Default: none. With it, call [`Self::build`] within a Tokio
    /// runtime.
    pub fn change_feed(self, settings: ChangeFeedSettings) -> Self {
        Self { change_feed: Some(settings), ..self }
    }

    /// Adds a sink of the change feed. `name` distinguishes it from other sinks: the store remembers by it how far the
    /// sink has come, for all replicas. A new name begins with the changes from now on. Turns the feed on. A name that
    /// another sink has is ignored, and logged.
    pub fn change_sink(mut self, name: &str, sink: Arc<dyn ChangeSink>, settings: DeliverySettings) -> Self {
        if self.change_sinks.iter().any(|known| known.name == name) {
            tracing::error!(name, %sink, "ignored a sink of changes whose name another one has");
            return self;
        }
        self.change_sinks.push(Delivery::new(name.to_owned(), sink, settings));
        let settings = self.change_feed.unwrap_or_default();
        self.change_feed(settings)
    }
}
