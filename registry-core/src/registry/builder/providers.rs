//! Authentication providers and event sinks, which are made once store, clock and randomness are settled.

use std::fmt;
#[cfg(feature = "htpasswd")]
use std::path::Path;
use std::sync::Arc;

use super::RegistryBuilder;
use crate::auth::AuthProvider;
#[cfg(feature = "local-accounts")]
use crate::auth::LocalAccounts;
#[cfg(feature = "github")]
use crate::auth::github::{Github, GithubError, GithubSettings};
#[cfg(feature = "openid")]
use crate::auth::openid::{OpenId, OpenIdError, OpenIdSettings};
#[cfg(feature = "htpasswd")]
use crate::auth::{Htpasswd, HtpasswdError};
use crate::clock::Clock;
use crate::events::{AuditLog, EventQueue, EventSink, FanOut};
use crate::randomness::Randomness;
use crate::storage::BlobStore;

/// The store, the clock and the randomness of a registry, for the providers and sinks that are built with it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildContext {
    /// The registry's store.
    pub store: Arc<dyn BlobStore>,
    /// The registry's clock.
    pub clock: Arc<dyn Clock>,
    /// The registry's source of randomness.
    pub randomness: Arc<dyn Randomness>,
}

type Make<Made> = Box<dyn FnOnce(BuildContext) -> Arc<Made> + Send + Sync>;

/// Providers or sinks in the order in which they were added, each to be made by [`RegistryBuilder::build`].
pub(super) struct Constructors<Made: ?Sized>(Vec<Make<Made>>);

impl<Made: ?Sized> Constructors<Made> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    fn push(&mut self, make: impl FnOnce(BuildContext) -> Arc<Made> + Send + Sync + 'static) {
        self.0.push(Box::new(make));
    }

    fn make(self, context: &BuildContext) -> impl Iterator<Item = Arc<Made>> {
        self.0.into_iter().map(|make| make(context.clone()))
    }
}

impl Constructors<dyn AuthProvider> {
    /// Makes the providers. One with the id of an earlier one is left out, and logged.
    pub(super) fn into_providers(self, context: &BuildContext) -> Vec<Arc<dyn AuthProvider>> {
        self.make(context).fold(Vec::new(), |mut made: Vec<Arc<dyn AuthProvider>>, provider| {
            if made.iter().any(|known| known.id() == provider.id()) {
                tracing::error!(id = provider.id(), %provider, "ignored a provider whose id another one has");
            } else {
                made.push(provider);
            }
            made
        })
    }
}

impl Constructors<dyn EventSink> {
    /// Makes the sinks, and starts the delivery to them.
    pub(super) fn into_queue(self, context: &BuildContext) -> EventQueue {
        let mut sinks: Vec<_> = self.make(context).collect();
        if sinks.len() > 1 {
            return EventQueue::start(Arc::new(FanOut::new(sinks)));
        }
        sinks.pop().map_or_else(EventQueue::disabled, EventQueue::start)
    }
}

impl<Made: ?Sized> fmt::Debug for Constructors<Made> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Constructors({})", self.0.len())
    }
}

impl RegistryBuilder {
    /// Adds an authentication provider. Providers are asked in the order in which they were added. A name belongs to
    /// the first of them whose user claims it, across all replicas. A provider with the id of another one is left out,
    /// and logged: names are distinguished by the id.
    pub fn auth_provider(mut self, provider: Arc<dyn AuthProvider>) -> Self {
        self.providers.push(move |_| provider);
        self
    }

    /// Adds an authentication provider that [`Self::build`] makes, with the registry's own store, clock and randomness,
    /// whenever they are set.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use registry_core::{Registry, storage::ObjectStoreBlobs};
    /// # #[cfg(feature = "local-accounts")] {
    /// use registry_core::auth::LocalAccounts;
    /// let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))
    ///     .auth_provider_with(|context| LocalAccounts::new(context.store, context.clock, context.randomness))
    ///     .build();
    /// assert_eq!(registry.auth_providers()[0].id(), "local");
    /// # }
    /// ```
    pub fn auth_provider_with<Provider: AuthProvider>(
        mut self,
        make: impl FnOnce(BuildContext) -> Provider + Send + Sync + 'static,
    ) -> Self {
        self.providers.push(|context| Arc::new(make(context)));
        self
    }

    /// Adds [`LocalAccounts`], which the registry keeps in its store. Providers are asked in the order in which they
    /// were added.
    #[cfg(feature = "local-accounts")]
    pub fn local_accounts(self) -> Self {
        self.local_accounts_with(|accounts| accounts)
    }

    /// Adds [`LocalAccounts`] with options, such as `|accounts| accounts.with_sign_up(false)`.
    #[cfg(feature = "local-accounts")]
    pub fn local_accounts_with(
        self,
        options: impl FnOnce(LocalAccounts) -> LocalAccounts + Send + Sync + 'static,
    ) -> Self {
        self.auth_provider_with(|context| {
            options(LocalAccounts::new(context.store, context.clock, context.randomness))
        })
    }

    /// Adds the names and passwords of an [`Htpasswd`] file, which is read now. Blocks.
    #[cfg(feature = "htpasswd")]
    pub fn htpasswd(self, file: &Path) -> Result<Self, HtpasswdError> {
        let htpasswd = Htpasswd::prepare(file)?;
        Ok(self.auth_provider_with(|context| htpasswd(context.clock, &*context.randomness)))
    }

    /// Adds the users of a [`Github`], whose settings are checked now. Call it within a tokio runtime that outlives the
    /// registry; the process must have installed a default `rustls` crypto provider.
    #[cfg(feature = "github")]
    pub fn github(self, settings: GithubSettings) -> Result<Self, GithubError> {
        let github = Github::prepare(settings)?;
        Ok(self.auth_provider_with(|context| github(context.store, context.clock, context.randomness)))
    }

    /// Adds the accounts of an issuer of [`OpenId`] Connect, whose settings are checked now. The process must have
    /// installed a default `rustls` crypto provider.
    #[cfg(feature = "openid")]
    pub fn openid(self, settings: OpenIdSettings) -> Result<Self, OpenIdError> {
        let openid = OpenId::prepare(settings)?;
        Ok(self.auth_provider_with(|context| openid(context.store, context.clock, context.randomness)))
    }

    /// Adds a sink of events. Several sinks receive the same batches, as [`FanOut`] delivers them. Default: none.
    pub fn event_sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sinks.push(move |_| sink);
        self
    }

    /// Adds a sink of events that [`Self::build`] makes, with the registry's own store, clock and randomness.
    pub fn event_sink_with<Sink: EventSink>(
        mut self,
        make: impl FnOnce(BuildContext) -> Sink + Send + Sync + 'static,
    ) -> Self {
        self.sinks.push(|context| Arc::new(make(context)));
        self
    }

    /// Adds an [`AuditLog`] in the registry's store.
    pub fn audit_log(self) -> Self {
        self.event_sink_with(|context| AuditLog::new(context.store, context.clock, context.randomness))
    }
}
