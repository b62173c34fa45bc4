use std::sync::Arc;

use crate::RegistryBuilder;
use crate::authorization::Authorization;
use crate::changes::sinks::SinkError;
use crate::changes::{Delivery, DeliverySettings};
use crate::clock::Clock;
use crate::hooks::{Dispatch, HookCaller, HookRouter, HookSettings, HooksParts, start_hooks};
use crate::packages::PackagesParts;
use crate::storage::Storage;

/// What hooks need before the rest of the registry is there.
#[derive(Debug)]
pub(super) struct HooksSetUp {
    settings: HookSettings,
    caller: HookCaller,
    dispatch: Arc<Dispatch>,
}

impl RegistryBuilder {
    /// Lets accounts have hooks, as `npm hook` makes them. Turns the change feed on. Set [`Self::public_url`] too: documents
    /// that are posted have the URLs of tarballs below it. Default: no hooks. The process must have installed a default
    /// `rustls` crypto provider.
    pub fn hooks(self, settings: HookSettings) -> Result<Self, SinkError> {
        let caller = HookCaller::new(settings.allow_private_addresses)?;
        let hooks = Some(HooksSetUp { settings, caller, dispatch: Arc::default() });
        let feed = self.change_feed.unwrap_or_default();
        Ok(Self { hooks, ..self }.change_feed(feed))
    }
}

impl HooksSetUp {
    /// Returns the sink of the feed by which hooks learn of changes.
    pub(super) fn delivery(&self, store: &Arc<Storage>, clock: &Arc<dyn Clock>) -> Delivery {
        let (store, clock, dispatch) = (Arc::clone(store), Arc::clone(clock), Arc::clone(&self.dispatch));
        let router = HookRouter { store, clock, dispatch };
        Delivery::new(HookRouter::NAME.to_owned(), Arc::new(router), DeliverySettings::default())
    }

    /// Starts the deliveries.
    pub(super) fn start(
        self,
        public_url: Option<Arc<str>>,
        packages: &Arc<PackagesParts>,
        authorization: &Authorization,
    ) -> Arc<HooksParts> {
        let parts = Arc::new(HooksParts {
            store: Arc::clone(&packages.store),
            clock: Arc::clone(&packages.clock),
            randomness: Arc::clone(&packages.randomness),
            settings: self.settings,
            public_url: public_url.unwrap_or_default(),
            changes: packages.commits.changes.clone(),
            packages: Arc::clone(packages),
            accounts: Arc::clone(&packages.accounts),
            caller: self.caller,
            dispatch: self.dispatch,
        });
        start_hooks(&parts, authorization);
        parts
    }
}
