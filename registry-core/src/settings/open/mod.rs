//! Opens a registry from settings: the startup of every frontend and every command.

mod changes;
mod github;
#[cfg(any(feature = "signing", feature = "webhooks"))]
mod named;
mod openid;
mod provenance;
mod providers;
mod signing;
mod storage;
mod trusted_publishing;
mod upstreams;
mod web;

use std::path::PathBuf;
use std::sync::Arc;

use crate::events::LogEvents;
use crate::storage::{BlobStore, ObjectStoreBlobs};
use crate::{Registry, RegistryBuilder};

use super::error::Context as _;
use super::{ProviderName, Settings, SettingsError};

pub use providers::add_providers;
#[cfg(feature = "aws")]
pub use storage::storage_versions;
pub use storage::{open_existing_store, open_store, storage_encryption};
pub use trusted_publishing::open_trusted_publishing;

/// Whether to probe a store at startup. A probe costs a dozen requests, writes among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// Probes the store, and rejects it if it does not honor conditions.
    Always,
    /// Skips the probe: for a store known to be reliable, opened by a process that lives for seconds.
    Never,
}

/// Opens the store, the providers and the upstreams that `settings` name, and builds the registry. `finish` may set
/// what the settings leave to the frontend. Must be called within a Tokio runtime.
///
/// ```
/// use registry_core::settings::{Settings, Trial, open_registry};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let settings = Settings::from_toml("[storage]\nurl = \"memory:\"").unwrap();
/// let registry = open_registry(&settings, Trial::Always, |builder| builder.web_login(false)).await.unwrap();
/// assert!(registry.ready().await.is_ok());
/// # });
/// ```
pub async fn open_registry(
    settings: &Settings,
    trial: Trial,
    finish: impl FnOnce(RegistryBuilder) -> RegistryBuilder,
) -> Result<Registry, SettingsError> {
    let store = open_store(&settings.storage, trial).await?;
    let builder = changes::add(settings, registry_builder(settings, store)?)?;
    let registry = finish(builder).build();
    let opened = registry.open().await;
    opened.with_context(|| {
        format!("the storage {} cannot be opened as that of a registry", settings.storage.url)
    })?;
    Ok(registry)
}

/// Checks what `settings` name, as far as it can be done without writing anything and without a request: the storage, and
/// the files and variables of providers, upstreams and trusted issuers. Tells all mistakes at once. Returns the folders
/// that the registry writes to, which are none for other stores. Must be called within a Tokio runtime.
///
/// ```
/// use registry_core::settings::{Settings, check_named};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let settings = Settings::from_toml("[storage]\nurl = \"file:/no/such/folder\"\nmust_exist = true").unwrap();
/// assert!(check_named(&settings).unwrap_err().to_string().contains("there is no registry in file:/no/such/folder"));
/// # });
/// ```
pub fn check_named(settings: &Settings) -> Result<Vec<PathBuf>, SettingsError> {
    install_tls_provider();
    let provider = |name: &ProviderName| {
        let store: Arc<dyn BlobStore> = Arc::new(ObjectStoreBlobs::in_memory());
        providers::add(*name, settings, Registry::builder(store)).err()
    };
    let (folders, storage) = match storage::check(&settings.storage) {
        Ok(folders) => (folders, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let providers = settings.provider_order();
    let wrong = storage
        .into_iter()
        .chain(upstreams::open(&settings.upstreams).err())
        .chain(providers.iter().filter_map(provider))
        .chain(changes::add(settings, Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))).err())
        .chain(signing::add(settings, Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))).err())
        .chain(provenance::add(settings, Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))).err())
        .chain(web::add(settings, Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))).err())
        .chain(open_trusted_publishing(&settings.trusted_publishing).err())
        .chain(settings.policy.compile(&settings.upstreams).map_err(SettingsError::of).err())
        .chain(settings.similar_names.to_settings().err());
    SettingsError::of_any(wrong).map(|()| folders)
}

/// Returns a builder for the registry of `settings` on an open store. Rejects inconsistent settings, and sends no
/// request to the store. Must be called within a Tokio runtime.
pub fn registry_builder(
    settings: &Settings,
    store: Arc<dyn BlobStore>,
) -> Result<RegistryBuilder, SettingsError> {
    install_tls_provider();
    let access = settings.checked_rules()?;
    let upstreams = upstreams::open(&settings.upstreams)?;
    let origins = settings.upstreams.values().map(|upstream| upstream.url.as_url().clone());
    let rules = settings.policy.compile(&settings.upstreams).map_err(SettingsError::of)?;
    let builder = accounts_builder(settings, store)?.access(access).shrinkwrap_origins(origins);
    let builder = builder.policy_rules(rules).block_list(settings.block_list.to_settings());
    let builder = builder.recall(settings.recall.to_settings());
    let builder = builder.similar_names(settings.similar_names.to_settings()?);
    let builder = builder.advisories(settings.advisories.to_settings());
    let builder = upstreams
        .into_iter()
        .fold(builder, |builder, (name, upstream, options)| builder.upstream_with(&name, upstream, options));
    let builder = web::add(settings, provenance::add(settings, signing::add(settings, builder)?)?)?;
    Ok(builder.trusted_publishing(open_trusted_publishing(&settings.trusted_publishing)?))
}

/// Returns a builder for operations on accounts only: without access rules, upstreams and trusted issuers, so that
/// their configuration may be incomplete. Must be called within a Tokio runtime.
pub fn accounts_builder(
    settings: &Settings,
    store: Arc<dyn BlobStore>,
) -> Result<RegistryBuilder, SettingsError> {
    let builder = add_providers(settings, Registry::builder(store))?.event_sink(Arc::new(LogEvents));
    let builder = if settings.log.audit { builder.audit_log() } else { builder };
    let builder = match settings.changes.to_settings() {
        Some(changes) => builder.change_feed(changes),
        None => builder,
    };
    let builder = match settings.downloads.to_settings() {
        Some(downloads) => builder.downloads(downloads),
        None => builder,
    };
    Ok(builder
        .download_events(settings.log.downloads)
        .limits(settings.limits.to_limits())
        .web_login(settings.login.web)
        .public_url(settings.public_url.as_ref().map(|url| url.as_url().clone()))
        .path_prefix(settings.path_prefix.as_str())
        .legacy_prefixes(settings.legacy_prefixes.iter().map(|prefix| prefix.as_str().to_owned()))
        .cache_bytes(settings.cache.representation_bytes())
        .upstream_cache_bytes(settings.cache.upstream_bytes())
        .token_cache(settings.cache.token_lifetime())
        .audit_fallback(settings.audit.to_fallback())
        .audit_source(settings.audit.to_source())
        .search(settings.search.to_settings())
        .token_lifetimes(settings.tokens.to_lifetimes())
        .organizations(settings.organizations.to_settings())
        .upstream_freshness(settings.cache.upstream_freshness())
        .redirect_tarballs_above(settings.storage.redirect_above_mib.map(|mib| u64::from(mib) << 20)))
}

/// Installs the TLS provider that every HTTP client of the process needs. A second installation fails and changes nothing, which
/// does no harm.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
