//! The same registry for another frontend than this server: from the same settings, without a listener.
//!
//! ```
//! use registry_server::embed::{Trial, open_registry};
//! use registry_server::settings::Settings;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let settings = Settings::from_toml("[storage]\nurl = \"memory:\"").unwrap();
//! let registry = open_registry(&settings, Trial::Always).await.unwrap();
//! assert!(registry.ready().await.is_ok());
//! # });
//! ```

use std::sync::Arc;

pub use crate::logging::log_to;
use registry_core::storage::BlobStore;
use registry_core::{Registry, RegistryBuilder};

use crate::run::registry_builder;
use crate::settings::Settings;
use crate::{providers, storage, trusted_publishing, upstreams};

/// Whether a store is tried before it is relied on. It costs it a dozen requests, writes among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// It is tried, and refused where it does not keep conditions.
    Always,
    /// It is believed: for a store that is known to keep them, opened by a process that lives for seconds.
    Never,
}

/// Opens the store, the providers and the upstreams that `settings` name, and makes the registry. Within a tokio runtime.
pub async fn open_registry(settings: &Settings, trial: Trial) -> anyhow::Result<Registry> {
    let registry = open_builder(settings, trial).await?.build();
    storage::open_registry(&registry, &settings.storage).await?;
    Ok(registry)
}

/// The same, for a frontend that has more to say of the registry before it is made, and calls [`Registry::open`] then.
pub async fn open_builder(settings: &Settings, trial: Trial) -> anyhow::Result<RegistryBuilder> {
    use_ring();
    let store = match trial {
        Trial::Always => storage::open(&settings.storage).await?,
        Trial::Never => {
            let store = storage::open_untried(&settings.storage)?;
            if settings.storage.must_exist {
                storage::refuse_empty(store.as_ref(), &settings.storage).await?;
            }
            store
        }
    };
    builder_on(settings, store)
}

/// The same on a store that is open already.
pub(crate) fn builder_on(settings: &Settings, store: Arc<dyn BlobStore>) -> anyhow::Result<RegistryBuilder> {
    use_ring();
    refuse_contradictions(settings)?;
    settings.refuse_public_loops()?;
    let access = settings.packages.compile(&settings.upstreams)?;
    let upstreams = upstreams::open(&settings.upstreams)?;
    let providers = providers::open(settings, &store)?;
    let trusted = trusted_publishing::open(&settings.trusted_publishing)?;
    Ok(registry_builder(settings, store, providers, access, upstreams, trusted))
}

/// Refuses settings of accounts, providers and upstreams that cannot hold together.
pub(crate) fn refuse_contradictions(settings: &Settings) -> anyhow::Result<()> {
    settings.refuse_two_sources_of_names()?;
    settings.refuse_unused_upstreams()?;
    Ok(settings.check_providers()?)
}

/// A second installation fails and changes nothing, which is as good.
pub(crate) fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
